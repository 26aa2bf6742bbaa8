//! Words: the text of plans, findings and reports.
