# Dump and restore through a pipe: copy.sh DATABASE OLD-PATTERN NEW-PATTERN [HOW TO REACH THE SERVER]...
# The first line of the input is the password. Each tool reads it from its own input, mongorestore before the archive.
# What mongodump says goes to stdout, what mongorestore says to stderr; the last two lines of stdout are how they ended.
set +x
database=$1 old=$2 new=$3
shift 3
unset word
IFS= read -r word || exit 90
feed() { if [ -n "$word" ]; then printf '%s\n' "$word"; fi; }
exec 3>&1
ended=$(
  {
    {
      feed
      feed | mongodump "$@" --db="$database" --archive 2>&3 3>&- 4>&-
      printf 'dump %s\n' "$?" >&4
    } | {
      mongorestore "$@" --archive --stopOnError --nsInclude="$old" --nsFrom="$old" --nsTo="$new" 1>&2 3>&- 4>&-
      printf 'restore %s\n' "$?" >&4
    }
  } 4>&1
)
printf '%s\n' "$ended"
case $ended in *' 0'*' 0') exit 0 ;; *) exit 1 ;; esac
