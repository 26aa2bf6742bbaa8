## Every kind of step: what it does in one line, what it assumes, how it is proved, how it is taken back.
## Facts: the fields of the step; lists and mappings as how many they hold.

step-check = { $checks } checks against the live cluster
    .note = read only
