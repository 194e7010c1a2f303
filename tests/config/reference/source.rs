//! What a configuration struct says of itself in its source.

use std::fs;
use std::path::Path;

use syn::{Attribute, Expr, ExprLit, Fields, Item, ItemEnum, Lit, Meta, Type};

pub(super) struct Struct {
    pub(super) doc: String,
    pub(super) fields: Vec<Field>,
}

pub(super) struct Field {
    pub(super) name: String,
    /// What a person writes: `"5s"`, `16`, `"durable"`.
    pub(super) form: String,
    doc: String,
}

impl Struct {
    /// Reads `name` in the source file `path`.
    pub(super) fn read(path: &Path, name: &str) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let file = syn::parse_file(&text).unwrap();
        let enums: Vec<_> = file
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Enum(item) => Some(item),
                _ => None,
            })
            .collect();
        let found = file.items.iter().find_map(|item| match item {
            Item::Struct(item) if item.ident == name => Some(item),
            _ => None,
        });
        let found = found.unwrap_or_else(|| panic!("{name} in {}", path.display()));
        let Fields::Named(fields) = &found.fields else {
            panic!("{name} has fields with names");
        };
        let fields = fields.named.iter().map(|field| Field {
            name: field.ident.as_ref().unwrap().to_string(),
            form: form(&field.ty, &enums),
            doc: doc(&field.attrs),
        });
        Self {
            doc: doc(&found.attrs),
            fields: fields.collect(),
        }
    }
}

impl Field {
    /// What it is, without its default.
    pub(super) fn meaning(&self) -> String {
        let sentences = self.sentences().filter(|words| default(words).is_none());
        sentences.collect::<Vec<_>>().join(" ")
    }

    /// Its default, or that it has none, as the comment says it.
    pub(super) fn default(&self) -> Option<String> {
        self.sentences().find_map(|words| default(&words))
    }

    fn sentences(&self) -> impl Iterator<Item = String> {
        let ends = self
            .doc
            .split(". ")
            .map(|words| words.trim_end_matches('.'));
        ends.map(|words| format!("{words}."))
    }
}

/// The default that a sentence states: "Default 3." or "Default: `5s`.", or "Required".
fn default(sentence: &str) -> Option<String> {
    let words = sentence.trim_end_matches('.');
    let stated = words.strip_prefix("Default");
    let stated = stated.map(|stated| stated.trim_start_matches(':').trim().to_owned());
    stated.or_else(|| (words == "Required").then(|| "required".to_owned()))
}

/// The words of a comment, on one line.
fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        });
    let lines: Vec<_> = lines.take_while(|line| !line.starts_with("```")).collect();
    lines.join(" ").trim().to_owned()
}

/// What a value of this type looks like.
fn form(ty: &Type, enums: &[&ItemEnum]) -> String {
    let Type::Path(path) = ty else {
        panic!("a type with a name");
    };
    let last = path.path.segments.last().unwrap();
    let name = last.ident.to_string();
    if let syn::PathArguments::AngleBracketed(of) = &last.arguments {
        let Some(syn::GenericArgument::Type(of)) = of.args.first() else {
            panic!("{name} of a type");
        };
        return match &*name {
            "Option" => form(of, enums),
            "Vec" => format!("list of {}", form(of, enums)),
            other => panic!("say in words what {other} of something looks like"),
        };
    }
    if let Some(of) = enums.iter().find(|of| of.ident == name) {
        let names = of.variants.iter();
        let names = names.map(|variant| format!("`\"{}\"`", snake(&variant.ident.to_string())));
        return names.collect::<Vec<_>>().join(" or ");
    }
    match &*name {
        "String" => "text",
        "PathBuf" => "path",
        "ClusterId" | "NodeId" => "name",
        "Span" => "time",
        "ByteSize" => "size",
        "Percent" => "part",
        "bool" => "`true` or `false`",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i32" => "number",
        "f64" => "fraction",
        other => panic!("say in words what a {other} looks like"),
    }
    .to_owned()
}

/// `MostFree` as a file has it: `most_free`.
fn snake(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
