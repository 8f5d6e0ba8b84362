#!/usr/bin/env bash
# A committee whose nodes have a network namespace each: links are cut with `ip` (and `nft`, where
# there is one), processes killed and stopped, for some minutes; then everything must be equal.
#
#   sudo deploy/netns/chaos.sh                       # five minutes, three nodes
#   sudo SECONDS_OF_CHAOS=30 NODES=5 SEED=7 deploy/netns/chaos.sh
#
# HOLOBIONT names the binary (default: `holobiont` from PATH), DIR the folder (default: a new one).
# Ends with 0 where all nodes published the same and audits pass, 1 where not, 77 where it cannot run
# here, and says what it needs.
set -euo pipefail

HOLOBIONT=${HOLOBIONT:-holobiont}
NODES=${NODES:-3}
MEMBERS=${MEMBERS:-4}
DAYS=${DAYS:-2000}
DAYS_A_SECOND=${DAYS_A_SECOND:-10}
SECONDS_OF_CHAOS=${SECONDS_OF_CHAOS:-300}
CATCHES_UP_WITHIN=${CATCHES_UP_WITHIN:-180}
SEED=${SEED:-$RANDOM}
NET=10.77.0
BRIDGE=hb-bridge
RANDOM=$SEED

cannot() {
    echo "cannot run here: $1" >&2
    exit 77
}

[ "$(id -u)" = 0 ] || cannot "network namespaces want root; call it with sudo"
for tool in ip curl jq "$HOLOBIONT"; do
    command -v "$tool" >/dev/null || cannot "there is no $tool"
done
"$HOLOBIONT" dev --help >/dev/null 2>&1 || cannot "$HOLOBIONT is a build without simulated TDX"
ip netns add hb-try 2>/dev/null || cannot "\`ip netns add\` is not allowed"
ip netns del hb-try
NFT=""
if command -v nft >/dev/null && nft list tables >/dev/null 2>&1; then NFT=yes; fi
((NODES >= 3)) || cannot "NODES is $NODES: chaos wants three or more"

DIR=${DIR:-$(mktemp -d)/network}
declare -A PIDS=()
FEEDS=()

say() { printf '[%4d s] %s\n' "$SECONDS" "$*"; }
node_address() { echo "$NET.$((10 + $1))"; }

clean() {
    exec 2>/dev/null # the shell tells of every process that is killed
    local pid
    for pid in "${PIDS[@]}" "${FEEDS[@]}"; do
        kill -CONT "$pid" 2>/dev/null || true
        kill -KILL "$pid" 2>/dev/null || true
    done
    for space in $(ip netns list | awk '/^hb-/ { print $1 }'); do ip netns del "$space" || true; done
    ip link del "$BRIDGE" 2>/dev/null || true
}
trap clean EXIT
trap 'exit 130' INT TERM

space() { # NAME ADDRESS: a namespace with one link to the bridge
    ip netns add "hb-$1"
    ip link add "hb-$1" type veth peer name eth0 netns "hb-$1"
    ip link set "hb-$1" master "$BRIDGE" up
    ip -n "hb-$1" link set lo up
    ip -n "hb-$1" address add "$2/24" dev eth0
    ip -n "hb-$1" link set eth0 up
}

start_node() {
    ip netns exec "hb-n$1" "$HOLOBIONT" run --config "$DIR/node-$1/node.toml" \
        --insecure-simulated-tdx >>"$DIR/logs/node-$1.log" 2>&1 &
    PIDS[$1]=$!
}

feed() { # MEMBER: its lines, one day after the other
    local line pause
    pause=$(awk "BEGIN { print 1 / $DAYS_A_SECOND }")
    while IFS= read -r line; do
        printf '%s\n' "$line"
        [ -e "$DIR/hurry" ] || sleep "$pause"
    done <"$DIR/rates/$1.ndjson"
    exec sleep infinity # its end would be the end of what the member publishes
}

start_member() { # MEMBER PORT
    mkfifo "$DIR/$1.feed"
    feed "$1" >"$DIR/$1.feed" &
    FEEDS+=($!)
    ip netns exec hb-members "$HOLOBIONT" surface serve "$DIR/surfaces/$1" --stdin \
        --organism "$DIR/organism.toml" --member "$1" --listen "$NET.100:$2" \
        --insecure-simulated-tdx "$DIR/world" <"$DIR/$1.feed" >>"$DIR/logs/$1.log" 2>&1 &
    FEEDS+=($!)
}

# A way that loses everything: with nft like a network, with ip like a host without a route.
cut_way() { # FROM TO
    local to
    to=$(node_address "$2")
    if [ -n "$NFT" ]; then
        ip netns exec "hb-n$1" nft -f - <<NFT
add table ip hb
add chain ip hb out { type filter hook output priority 0; }
add rule ip hb out ip daddr $to drop
NFT
    else
        ip -n "hb-n$1" route add blackhole "$to/32"
    fi
}

open_way() { # FROM TO
    if [ -n "$NFT" ]; then
        ip netns exec "hb-n$1" nft delete table ip hb
    else
        ip -n "hb-n$1" route del blackhole "$(node_address "$2")/32"
    fi
}

draw() { echo $((RANDOM % $1)); }

fault() { # one fault of one node, and its end
    local node other length
    node=$((1 + $(draw "$NODES")))
    other=$((1 + (node + $(draw $((NODES - 1)))) % NODES))
    length=$((1 + $(draw 8)))
    case $(draw 5) in
    0)
        say "kill -9 node-$node for $length s"
        kill -KILL "${PIDS[$node]}"
        wait "${PIDS[$node]}" 2>/dev/null || true
        sleep "$length"
        start_node "$node"
        ;;
    1)
        say "stop node-$node for $length s"
        kill -STOP "${PIDS[$node]}"
        sleep "$length"
        kill -CONT "${PIDS[$node]}"
        ;;
    2)
        say "cut node-$node off for $length s"
        ip link set "hb-n$node" down
        sleep "$length"
        ip link set "hb-n$node" up
        ;;
    3)
        say "cut node-$node -> node-$other, one way, for $length s"
        cut_way "$node" "$other"
        sleep "$length"
        open_way "$node" "$other"
        ;;
    4)
        say "cut all members off for $length s"
        ip link set hb-members down
        sleep "$length"
        ip link set hb-members up
        ;;
    esac
    sleep $((1 + $(draw 3)))
}

status() { curl -sf --max-time 2 "http://$(node_address "$1"):8080/v1/status"; }

is_level() { # whether all nodes have folded and certified the same, all that members have published
    local node told first="" member lines
    for ((node = 1; node <= NODES; node++)); do
        told=$(status "$node") || return 1
        jq -e '.certified.cut == .cut and .folded_cut == .cut' <<<"$told" >/dev/null || return 1
        while read -r member lines; do
            jq -e --arg of "$member" --argjson last "$((lines - 1))" \
                '[.members[] | select(.name == $of) | .frontier_seq == $last] == [true]' \
                <<<"$told" >/dev/null || return 1
        done <"$DIR/published"
        told=$(jq -c '[.certified.cut, .certified.output, .certified.state_digest]' <<<"$told")
        [ -z "$first" ] || [ "$first" = "$told" ] || return 1
        first=$told
    done
}

ready() {
    local node
    for ((node = 1; node <= NODES; node++)); do
        status "$node" | jq -e ".leader != null and (.active_keys | length) == $NODES" >/dev/null ||
            return 1
    done
}

until_so() { # SECONDS WHAT COMMAND...
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" 2>/dev/null; do
        if ((SECONDS >= end)); then
            echo "FAILS: $what; logs are in $DIR/logs" >&2
            exit 1
        fi
        sleep 0.5
    done
}

"$HOLOBIONT" dev --nodes "$NODES" --members "$MEMBERS" --days "$DAYS" --dir "$DIR" \
    --write-only --subnet "$NET.0" >/dev/null
say "seed $SEED: $NODES nodes and $MEMBERS members in $DIR"
ip link add "$BRIDGE" type bridge
ip link set "$BRIDGE" up
ip address add "$NET.1/24" dev "$BRIDGE"
space members "$NET.100"
port=7500
for member in $(jq -r '.members[].name' "$DIR/network.json"); do
    start_member "$member" "$port"
    port=$((port + 1))
done
for ((node = 1; node <= NODES; node++)); do
    space "n$node" "$(node_address "$node")"
    start_node "$node"
done
until_so 90 "the nodes do not come together" ready
say "all nodes are there; faults for $SECONDS_OF_CHAOS s"
end=$((SECONDS + SECONDS_OF_CHAOS))
while ((SECONDS < end)); do fault; done

touch "$DIR/hurry"
say "no more faults: the rest is published, and is to be caught up with"
(cd "$DIR/rates" && for file in *.ndjson; do
    lines=$(wc -l <"$file")
    ((lines == 0)) || echo "${file%.ndjson} $lines"
done) >"$DIR/published"
until_so "$CATCHES_UP_WITHIN" "the nodes do not come to the same end" is_level

failed=0
for ((node = 1; node <= NODES; node++)); do
    url="http://$(node_address "$node"):8080"
    if "$HOLOBIONT" audit --organism "$DIR/organism.toml" --roster "$DIR/roster.toml" --url "$url" \
        >"$DIR/logs/audit-$node.log" 2>&1; then
        say "holds: an auditor of node-$node agrees"
    else
        say "FAILS: an auditor of node-$node does not agree, see $DIR/logs/audit-$node.log"
        failed=1
    fi
done
urls=$(for ((node = 1; node <= NODES; node++)); do echo "http://$(node_address "$node"):8080"; done)
if "$HOLOBIONT" status --url "$(paste -sd, <<<"$urls")" >"$DIR/logs/status.log" 2>&1; then
    say "holds: all nodes name the same results"
else
    say "FAILS: see $DIR/logs/status.log"
    failed=1
fi
status 1 | jq -r '"cuts: \(.cut); output head: \(.certified.output.hash) at record \(.certified.output.seq)"'
exit "$failed"
