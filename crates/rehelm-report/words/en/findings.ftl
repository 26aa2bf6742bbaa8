## What steps and readers find, by code; `.fix` says what to do. `$subject` is what it is about.
