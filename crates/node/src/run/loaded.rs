use std::path::{Path, PathBuf};
use std::sync::Arc;

use holobiont_identity::pins::COMMITTEE_SURFACE;
use holobiont_identity::{
    ConfigError, LogFormat, NodeConfig, Organism, Problem, RosterConfig, SourceKind,
};
use holobiont_policy::Roster;

use crate::cli::{LogLines, Run};
use crate::failure::Failure;
use crate::files;

/// Everything that one node is told, read and held against itself.
pub(crate) struct Loaded {
    /// Where the config is.
    pub(crate) file: PathBuf,
    pub(crate) config: NodeConfig,
    pub(crate) organism: Arc<Organism>,
    /// The organism's config as text.
    pub(crate) organism_text: String,
    pub(crate) roster: Roster,
    pub(crate) log: LogLines,
    pub(crate) simulated: bool,
    pub(crate) warnings: Vec<String>,
}

impl Loaded {
    /// Reads the config, and what it names.
    ///
    /// # Errors
    ///
    /// [`Failure::Config`] with every problem, also of files that do not fit together.
    pub(crate) fn read(args: &Run) -> Result<Self, Failure> {
        let file = args.config.clone();
        let text = files::config_text(&file)?;
        let config =
            NodeConfig::parse(&text).map_err(|error| Failure::config(&file, &text, error))?;
        let (organism, organism_text) = files::organism(&beside(&file, &config.organism))?;
        let roster = roster(&beside(&file, &config.roster))?;
        let log = args.log_format.unwrap_or(match config.log {
            Some(LogFormat::Json) => LogLines::Json,
            Some(LogFormat::Terminal) | None => LogLines::Terminal,
        });
        let simulated = args.is_simulated();
        let problems = problems(&config, &organism, &roster, simulated);
        if !problems.is_empty() {
            return Err(Failure::config(&file, &text, ConfigError { problems }));
        }
        let warnings = warnings(&config, &organism, simulated);
        let organism = Arc::new(organism);
        Ok(Self { file, config, organism, organism_text, roster, log, simulated, warnings })
    }

    /// A path of the config: relative ones are relative to the config's folder.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        beside(&self.file, path)
    }

    /// A place in the folder that is this node's own.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.path(&self.config.data_dir).join(name)
    }
}

/// A roster's file.
pub(crate) fn roster(file: &Path) -> Result<Roster, Failure> {
    let text = files::config_text(file)?;
    let config = RosterConfig::parse(&text).map_err(|error| Failure::config(file, &text, error))?;
    Roster::new(config.nodes).map_err(|error| {
        let problem = Problem { message: error.to_string(), help: None, span: None };
        Failure::config(file, &text, ConfigError { problems: vec![problem] })
    })
}

fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new(".")).join(path)
}

/// How the files do not fit together.
fn problems(
    config: &NodeConfig,
    organism: &Organism,
    roster: &Roster,
    simulated: bool,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |message: String, help: &str| {
        problems.push(Problem { message, help: Some(help.to_owned()), span: None });
    };
    let nodes = roster.nodes();
    if let Some(first) = organism.acl.first_roster
        && first != roster.digest()
    {
        say(
            format!(
                "the roster's digest is {}, the organism's `first_roster` is {first}",
                roster.digest()
            ),
            "take the committee's own roster.toml; later rosters come by orders, not by this file",
        );
    }
    if !nodes.contains(&config.node) && config.peers.is_empty() {
        say(
            format!("node {} is not in the roster, and no peer is named", config.node),
            "name its id in `node`, or a [[peer]] that can tell it of a later roster",
        );
    }
    for node in nodes.iter().filter(|node| **node != config.node) {
        if !config.peers.iter().any(|peer| peer.node == *node) {
            say(format!("no [[peer]] says where node {node} is"), "add its address");
        }
    }
    for source in &config.sources {
        if !organism.members.iter().any(|member| member.name == source.member) {
            say(
                format!("`{}` in [[source]] is no member of {}", source.member, organism.name),
                "members are named as organism.toml names them",
            );
        }
    }
    match organism.pins(COMMITTEE_SURFACE) {
        None => say(
            format!("the organism has no [[surface]] {COMMITTEE_SURFACE:?}: no node is accepted"),
            "pin the image that the nodes run: `holobiont measure local` shows its registers",
        ),
        Some(_) if simulated != config.attestation.simulated_world.is_some() => {
            let (what, help) = other_world(simulated);
            say(what.to_owned(), help);
        }
        Some(_) => {}
    }
    problems
}

/// The config and the command line speak of two worlds: what is wrong, and what to do.
#[cfg(feature = "simulated")]
const fn other_world(simulated: bool) -> (&'static str, &'static str) {
    if simulated {
        return (
            "--insecure-simulated-tdx is given, and [attestation] names no `simulated_world`",
            "leave the flag out: this node is to be trusted",
        );
    }
    (
        "[attestation] names a `simulated_world`, which proves nothing",
        "name `collateral` in its place, or say --insecure-simulated-tdx on the command line",
    )
}

#[cfg(not(feature = "simulated"))]
const fn other_world(_: bool) -> (&'static str, &'static str) {
    (
        "[attestation] names a `simulated_world`, and this build is for real guests alone",
        "name `collateral` in its place: the folder that `holobiont collateral fetch` fills",
    )
}

/// What is legal but unwise.
fn warnings(config: &NodeConfig, organism: &Organism, simulated: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    if simulated {
        warnings.push(
            "simulated TDX: this node proves nothing to anybody, and believes anybody".to_owned(),
        );
    }
    if config.key_file.is_some() {
        warnings.push(
            "key_file: the signing key is on disk, where a host can copy it and run this node \
             twice; it is for development only"
                .to_owned(),
        );
    }
    if !config.listen.ops.ip().is_loopback() {
        warnings.push(format!(
            "the ops listener is on {}: whoever reaches it can send orders on and read figures",
            config.listen.ops
        ));
    }
    for member in &organism.members {
        match config.source(&member.name).map(|source| &source.kind) {
            None => warnings.push(format!(
                "{} has no [[source]]: it is only taken from nodes that have it",
                member.name
            )),
            Some(SourceKind::Https { ticket_file: None, .. })
                if !member.ticket_issuers.is_empty() =>
            {
                warnings.push(format!("{} asks for tickets, and its source has none", member.name));
            }
            Some(_) => {}
        }
    }
    if organism.acl.first_roster.is_none() {
        warnings.push(
            "organism.toml names no `first_roster`: nodes with other rosters would not notice"
                .to_owned(),
        );
    }
    warnings
}
