use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric as Sample, MetricFamily, MetricType,
};
use prometheus::{Encoder as _, TextEncoder};

use super::{CATALOGUE, Kind, Metric};

/// One answer of `/metrics`, being filled in.
pub(crate) struct Page(Vec<(&'static Metric, Vec<Sample>)>);

impl Page {
    pub(crate) fn new() -> Self {
        Self(CATALOGUE.iter().map(|metric| (*metric, Vec::new())).collect())
    }

    /// Sets one value. A metric that is not in the catalogue is not shown.
    #[expect(clippy::cast_precision_loss, reason = "the format knows no other numbers")]
    pub(crate) fn set(&mut self, metric: &Metric, labels: &[&str], value: u64) {
        self.set_fraction(metric, labels, value as f64);
    }

    pub(crate) fn set_fraction(&mut self, metric: &Metric, labels: &[&str], value: f64) {
        let mut sample = Sample::from_label(pairs(metric, labels));
        match metric.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                sample.set_counter(counter);
            }
            Kind::Gauge | Kind::Histogram => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                sample.set_gauge(gauge);
            }
        }
        self.push(metric, sample);
    }

    /// Sets 1 for one of a few words.
    pub(crate) fn word(&mut self, metric: &Metric, labels: &[&str]) {
        self.set(metric, labels, 1);
    }

    /// Sets a histogram: how many are at most so long, each in seconds and not yet summed up, the
    /// last one without a bound.
    pub(crate) fn histogram(
        &mut self,
        metric: &Metric,
        bounds_s: &[f64],
        counts: &[u64],
        sum_s: f64,
    ) {
        let mut below: u64 = 0;
        let mut buckets = Vec::with_capacity(bounds_s.len());
        for (bound, count) in bounds_s.iter().zip(counts) {
            below = below.saturating_add(*count);
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(below);
            buckets.push(bucket);
        }
        let mut histogram = Histogram::default();
        histogram.set_sample_count(counts.iter().fold(0, |sum, count| sum.saturating_add(*count)));
        histogram.set_sample_sum(sum_s);
        histogram.set_bucket(buckets);
        let mut sample = Sample::from_label(Vec::new());
        sample.set_histogram(histogram);
        self.push(metric, sample);
    }

    /// The page as Prometheus reads it.
    pub(crate) fn text(self) -> String {
        let filled = self.0.into_iter().filter(|(_, samples)| !samples.is_empty());
        let families: Vec<MetricFamily> = filled
            .map(|(metric, samples)| {
                let mut family = MetricFamily::default();
                family.set_name(metric.name.to_owned());
                family.set_help(metric.help.to_owned());
                family.set_field_type(match metric.kind {
                    Kind::Counter => MetricType::COUNTER,
                    Kind::Gauge => MetricType::GAUGE,
                    Kind::Histogram => MetricType::HISTOGRAM,
                });
                family.set_metric(samples);
                family
            })
            .collect();
        let mut text = Vec::new();
        match TextEncoder::new().encode(&families, &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => format!("# this page cannot be written: {error}\n"),
        }
    }

    fn push(&mut self, metric: &Metric, sample: Sample) {
        let found = self.0.iter_mut().find(|(known, _)| known.name == metric.name);
        if let Some((_, samples)) = found {
            samples.push(sample);
        }
    }
}

fn pairs(metric: &Metric, values: &[&str]) -> Vec<LabelPair> {
    let named = metric.labels.iter().zip(values);
    named
        .map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        })
        .collect()
}
