//! Tests of the whole: text and values in, plans, rows and errors out.
