//! The state: folders, files, and where the blocks of files lie.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use standfast::{Application, Change, Refusal, Rows, RowsMut};

/// A folder or a file. Its name is in its folder, so that a rename touches two folders however much is below.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Node {
    Folder(BTreeMap<String, Id>),
    File(Vec<Block>),
}

/// Names a node for ever.
pub(crate) type Id = u64;

/// The root folder, which is there without having been made.
const ROOT: Id = 0;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(crate) machines: Vec<String>,
    pub(crate) bytes: u64,
}

/// A change of one node. In the log for ever: add variants at the end, and never reorder or remove one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Op {
    Make(Node),
    Link(String, Id),
    Unlink(String),
    AddBlock(Block),
    Forget,
}

/// What a client asks for.
#[derive(Debug)]
pub(crate) enum Ask {
    CreateFolder { path: String },
    CreateFile { path: String },
    AddBlock { path: String, block: Block },
    Rename { from: String, to: String },
    Delete { path: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Folder(Vec<String>),
    File(Vec<Block>),
}

#[derive(Debug)]
pub(crate) struct Namespace;

impl Application for Namespace {
    type Key = Id;
    type Row = Node;
    type Op = Op;
    type Command = Ask;
    type Reply = ();
    type Query = String;
    type Answer = Result<Found, Refusal>;

    fn decide(
        &self,
        rows: &Rows<'_, Self>,
        _: u64,
        command: &Ask,
    ) -> Result<Change<Self>, Refusal> {
        let tree = Tree(rows);
        match command {
            Ask::CreateFolder { path } => tree.create(path, Node::Folder(BTreeMap::new())),
            Ask::CreateFile { path } => tree.create(path, Node::File(Vec::new())),
            Ask::AddBlock { path, block } => match tree.node(tree.walk(path)?) {
                Some(Node::File(_)) => Ok(Change::commit(
                    tree.walk(path)?,
                    Op::AddBlock(block.clone()),
                )),
                _ => Err(refusal(format!("{path} is a folder"))),
            },
            Ask::Rename { from, to } => tree.rename(from, to),
            Ask::Delete { path } => tree.delete(path),
        }
    }

    fn apply(rows: &mut RowsMut<'_, '_, Self>, _: u64, key: Id, op: Op) {
        let mut node = rows.get(&key).cloned();
        match (op, &mut node) {
            (Op::Make(made), _) => node = Some(made),
            (Op::Link(name, child), Some(Node::Folder(children))) => {
                children.insert(name, child);
            }
            // The root is written with its first child.
            (Op::Link(name, child), None) => node = Some(Node::Folder([(name, child)].into())),
            (Op::Unlink(name), Some(Node::Folder(children))) => {
                children.remove(&name);
            }
            (Op::AddBlock(block), Some(Node::File(blocks))) => blocks.push(block),
            (Op::Forget, _) => node = None,
            // `decide` makes no such change; were there one, every node would pass over it.
            (Op::Link(..), Some(Node::File(_)))
            | (Op::Unlink(_), Some(Node::File(_)) | None)
            | (Op::AddBlock(_), Some(Node::Folder(_)) | None) => {}
        }
        match node {
            Some(node) => drop(rows.insert(key, node)),
            None => drop(rows.remove(&key)),
        }
    }

    fn query(&self, rows: &Rows<'_, Self>, _: u64, query: &String) -> Result<Found, Refusal> {
        let tree = Tree(rows);
        Ok(match tree.node(tree.walk(query)?) {
            Some(Node::File(blocks)) => Found::File(blocks.clone()),
            Some(Node::Folder(children)) => Found::Folder(children.keys().cloned().collect()),
            None => Found::Folder(Vec::new()),
        })
    }
}

/// The rows, seen as a tree.
struct Tree<'t, 'r>(&'t Rows<'r, Namespace>);

impl<'t> Tree<'t, '_> {
    /// The node; `None` for a root without children.
    fn node(&self, id: Id) -> Option<&'t Node> {
        self.0.get(&id)
    }

    fn child(&self, folder: Id, name: &str) -> Option<Id> {
        match self.node(folder) {
            Some(Node::Folder(children)) => children.get(name).copied(),
            _ => None,
        }
    }

    /// The nodes on the way to `path`, the root first.
    fn way(&self, path: &str) -> Result<Vec<Id>, Refusal> {
        let mut way = vec![ROOT];
        let mut at = ROOT;
        for name in names(path)? {
            at = self
                .child(at, name)
                .ok_or_else(|| refusal(format!("{path} does not exist: there is no {name}")))?;
            way.push(at);
        }
        Ok(way)
    }

    fn walk(&self, path: &str) -> Result<Id, Refusal> {
        Ok(self.way(path)?.last().copied().unwrap_or(ROOT))
    }

    /// A place where nothing is yet: the nodes on the way to its folder, the folder, and the name in it.
    fn place<'p>(&self, path: &'p str) -> Result<(Vec<Id>, Id, &'p str), Refusal> {
        let (parent, name) = split(path)?;
        let way = self.way(parent)?;
        let folder = way.last().copied().unwrap_or(ROOT);
        if let Some(Node::File(_)) = self.node(folder) {
            return Err(refusal(format!("{parent} is a file")));
        }
        if self.child(folder, name).is_some() {
            return Err(refusal(format!("{path} exists")));
        }
        Ok((way, folder, name))
    }

    fn create(&self, path: &str, node: Node) -> Result<Change<Namespace>, Refusal> {
        let (_, folder, name) = self.place(path)?;
        // Randomness is free here: what it gave is in the log.
        let id = std::iter::repeat_with(rand::random)
            .find(|id| *id != ROOT && self.node(*id).is_none())
            .unwrap_or(ROOT);
        let made = Change::commit(id, Op::Make(node));
        Ok(made.and(folder, Op::Link(name.to_owned(), id)))
    }

    fn rename(&self, from: &str, to: &str) -> Result<Change<Namespace>, Refusal> {
        let (parent, old) = split(from)?;
        let (left, moved) = (self.walk(parent)?, self.walk(from)?);
        let (way, folder, name) = self.place(to)?;
        if way.contains(&moved) {
            return Err(refusal(format!("{to} is inside {from}")));
        }
        let left = Change::commit(left, Op::Unlink(old.to_owned()));
        Ok(left.and(folder, Op::Link(name.to_owned(), moved)))
    }

    fn delete(&self, path: &str) -> Result<Change<Namespace>, Refusal> {
        let (parent, name) = split(path)?;
        let node = self.walk(path)?;
        if let Some(Node::Folder(children)) = self.node(node)
            && !children.is_empty()
        {
            return Err(refusal(format!("{path} is not empty")));
        }
        let folder = self.walk(parent)?;
        let unlinked = Change::commit(folder, Op::Unlink(name.to_owned()));
        Ok(unlinked.and(node, Op::Forget))
    }
}

/// The names of which a path consists.
fn names(path: &str) -> Result<impl Iterator<Item = &str>, Refusal> {
    let below = path
        .strip_prefix('/')
        .ok_or_else(|| refusal(format!("`{path}` does not begin with /")))?;
    Ok(below.split('/').filter(|name| !name.is_empty()))
}

/// The folder of a path, and its name there.
fn split(path: &str) -> Result<(&str, &str), Refusal> {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some((parent, name)) if !name.is_empty() => {
            Ok((if parent.is_empty() { "/" } else { parent }, name))
        }
        _ => Err(refusal(format!("`{path}` names nothing below /"))),
    }
}

fn refusal(message: String) -> Refusal {
    Refusal {
        code: 1,
        message: message.into(),
    }
}
