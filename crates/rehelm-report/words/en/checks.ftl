## What the checks of `rehelm check` find, by id; `.fix` says what to do. `$subject` is what it is about.
