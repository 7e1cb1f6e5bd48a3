#!/bin/bash
# jar.sh [PROFILE]: builds the fat jar with the native library of that cargo profile (default dist, what is shipped).
# The last output line is the jar's absolute path.
source "$(dirname "$0")/lib.sh"
profile=${1:-dist}
build_jar "$profile"
jar=$(jar_path "$profile")
need python3
# What would break a user's class path must not be inside: only our packages, and this platform's library must be.
python3 - "$jar" <<'CHECK'
import sys, zipfile
names = zipfile.ZipFile(sys.argv[1]).namelist()
foreign = [n for n in names if n.endswith(".class") and not n.startswith("io/ncf/")]
native = [n for n in names if n.startswith("native/") and n.endswith((".so", ".dylib", ".dll"))]
if foreign or not native:
    sys.exit(f"{sys.argv[1]}: foreign classes {foreign[:3]}, native libraries {native}: see project/Packaging.scala")
CHECK
echo "$jar"
