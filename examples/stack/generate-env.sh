#!/bin/sh
# Composes .env.generated from layers: env/base.env, env/<profile>.env, env/local.env. The last one that sets a name wins.
#
#   ./generate-env.sh <profile>
#
# Values are taken literally. @generate becomes a random value, which is kept in env/secrets.env (mode 600) for the next time.
# Writes nothing at all unless every layer is sound. Ends with 1 and the reason otherwise, with 64 when called wrongly.
set -eu

cd "$(dirname "$0")"
umask 077

fail() {
  printf 'generate-env.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

[ $# -eq 1 ] || fail 'which profile? ./generate-env.sh dev|core|gateway' 64
profile=$1
case $profile in
'' | *[!a-z0-9-]*) fail "profile \"$profile\" is not a name" 64 ;;
base | local | secrets) fail "\"$profile\" is a layer, not a profile" 64 ;;
esac
[ -f "env/$profile.env" ] || fail "profile \"$profile\" is not known: there is no env/$profile.env" 64

secrets=env/secrets.env
layers="env/base.env env/$profile.env"
[ ! -f env/local.env ] || layers="$layers env/local.env"

merged=$(mktemp)
generated=$(mktemp .env.XXXXXX)
trap 'rm -f "$merged" "$generated"' EXIT

# One line for each name, in the order in which the names appear first: NAME=VALUE, a tab, the layer it comes from.
# shellcheck disable=SC2086 # the names of the layers have no blanks
awk '
  function refuse(why) {
    printf "generate-env.sh: %s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"
    failed = 1
  }
  { sub(/\r$/, "") }
  /^[ \t]*(#|$)/ { next }
  !/^[A-Z_][A-Z0-9_]*=/ { refuse("not NAME=VALUE: " $0); next }
  {
    name = substr($0, 1, index($0, "=") - 1)
    value = substr($0, index($0, "=") + 1)
    sub(/[ \t]+$/, "", value)
    if (value ~ /\047|\t/) { refuse(name ": a quote or a tab cannot be in a value"); next }
    if ((FILENAME, name) in seen) { refuse(name " is set twice in this file"); next }
    seen[FILENAME, name] = 1
    if (!(name in values)) names[++count] = name
    values[name] = value
    origins[name] = FILENAME
  }
  END {
    if (failed) exit 1
    for (i = 1; i <= count; i++) printf "%s=%s\t%s\n", names[i], values[names[i]], origins[names[i]]
  }
' $layers >"$merged"

random() {
  # 24 letters and digits: no character that a URL, a shell or YAML would read otherwise.
  LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 24
}

# The value that was made for a name before, or a new one.
secret() {
  kept=
  [ ! -f "$secrets" ] || kept=$(sed -n "s/^$1=//p" "$secrets" | head -n 1)
  if [ -z "$kept" ]; then
    kept=$(random)
    printf '%s=%s\n' "$1" "$kept" >>"$secrets"
  fi
  printf '%s' "$kept"
}

{
  printf '# Made by generate-env.sh %s. Changes here are lost; write them to env/local.env.\n' "$profile"
  printf "STACK_PROFILE='%s'\n" "$profile"
  tab=$(printf '\t')
  while IFS=$tab read -r setting origin; do
    name=${setting%%=*}
    value=${setting#*=}
    [ "$name" != STACK_PROFILE ] || fail "STACK_PROFILE is set by this script; take it out of $origin"
    if [ "$value" = @generate ]; then
      value=$(secret "$name")
      origin=$secrets
    fi
    # In single quotes nothing means anything to compose.
    printf "%s='%s' # %s\n" "$name" "$value" "$origin"
  done <"$merged"
} >"$generated"

mv "$generated" .env.generated
printf 'Wrote .env.generated for profile %s.\n' "$profile"
