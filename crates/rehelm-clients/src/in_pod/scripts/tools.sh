# What is there: a line for each tool, and one when this shell writes without starting a program.
for tool in mongodump mongorestore; do
  if command -v "$tool" >/dev/null 2>&1; then printf 'has %s\n' "$tool"; fi
done
case $(command -v printf) in /*) ;; *) printf 'has printf\n' ;; esac
