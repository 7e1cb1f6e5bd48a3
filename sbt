#!/bin/bash
# Starts sbt, on a machine that has none too: the launcher comes from Maven Central, once, into .sbt-launch/.
# Artefacts come only from the repositories that project/repositories names.
# -Dname=value and -Joption arguments go to the JVM, all others to sbt: ./sbt -DsparkVersion=4.1 test
# Environment: SBT_LAUNCH a launcher jar to use instead · SBT_HEAP the heap (default 2g) · JAVA_HOME the JDK (17 or later).
set -euo pipefail
version=1.13.0
home=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
launcher=${SBT_LAUNCH:-$home/.sbt-launch/sbt-launch-$version.jar}

if [ ! -f "$launcher" ]; then
  if [ -n "${SBT_LAUNCH:-}" ]; then
    echo "SBT_LAUNCH names $SBT_LAUNCH, which is not a file; unset it to have ./sbt fetch a launcher" >&2
    exit 1
  fi
  command -v mvn >/dev/null || { echo "./sbt needs Maven (mvn) once, to fetch the sbt launcher; install it or set SBT_LAUNCH" >&2; exit 1; }
  # Fetched beside its place and moved, so that two first runs at once do not read half a jar.
  fetched=$home/.sbt-launch/fetch.$$
  mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    -Dartifact="org.scala-sbt:sbt-launch:$version" -DoutputDirectory="$fetched" >&2
  mv -f "$fetched/sbt-launch-$version.jar" "$launcher"
  rmdir "$fetched"
fi

java=java
[ -z "${JAVA_HOME:-}" ] || java=$JAVA_HOME/bin/java
# sbt runs for minutes: a JVM that compiles lightly and collects on one thread is done sooner on few cores.
options=(-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC -Xss4m "-Xmx${SBT_HEAP:-2g}" -Dfile.encoding=UTF-8 -Dsbt.override.build.repos=true "-Dsbt.repository.config=$home/project/repositories")
# Colours and the moving status lines only on a terminal, and never in CI.
if [ -n "${CI:-}" ] || [ ! -t 1 ]; then
  options+=(-Dsbt.color=false -Dsbt.supershell=false)
fi
commands=()
for argument in "$@"; do
  case $argument in
    -D*) options+=("$argument") ;;
    -J*) options+=("${argument#-J}") ;;
    *) commands+=("$argument") ;;
  esac
done
# One target folder for all clones on a machine, as in tools/lib.sh.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ncf/target}
cd "$home"
exec "$java" "${options[@]}" -jar "$launcher" ${commands[@]+"${commands[@]}"}
