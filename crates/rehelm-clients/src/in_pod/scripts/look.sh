# Reads a database and keeps nothing of it: look.sh WHAT DATABASE [HOW TO REACH THE SERVER]...
# WHAT is `any` (enough is a collection), `documents` (enough is a document) or `all`.
set +x
what=$1 database=$2
shift 2
unset word
IFS= read -r word || exit 90
feed() { if [ -n "$word" ]; then printf '%s\n' "$word"; fi; }
{
  feed | mongodump "$@" --db="$database" --archive 2>&1 >/dev/null
  printf 'dump %s\n' "$?"
} | while IFS= read -r line; do
  printf '%s\n' "$line"
  # When this loop ends, the next word of mongodump ends that.
  case $what:$line in
    all:*) ;;
    any:*'writing '*) break ;;
    documents:*'done dumping '*'(0 documents)') ;;
    documents:*'done dumping '*) break ;;
    documents:*'] '*'  0/'*) ;;
    documents:*'] '*'%)') break ;;
  esac
done
