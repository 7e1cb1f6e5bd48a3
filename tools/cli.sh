#!/bin/bash
# cli.sh [PROFILE]: builds the command line (default profile dist, what is shipped). The last output line is the binary's absolute path.
source "$(dirname "$0")/lib.sh"
profile=${1:-dist}
cargo_build "$profile"
echo "$(cargo_folder "$profile")/ncf"
