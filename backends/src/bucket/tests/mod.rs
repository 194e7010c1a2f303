mod catalog;
mod collection;
mod documents;
mod files;
mod lost_answers;
mod support;
