//! The kind of a field's type by its spelling: an `Option`, a list, a map, a set, a number. Only the
//! standard library's own names count, under their own paths or none. Must not know attributes.

use syn::{GenericArgument, PathArguments, Type};

/// A type by its spelling.
#[derive(Clone)]
pub(crate) enum Shape {
    /// `Option<T>`.
    Option(Box<Type>),
    /// `Vec<T>` or `VecDeque<T>`.
    List(Box<Type>),
    /// `BTreeMap<K, V>` or `HashMap<K, V>`, with or without a hasher.
    Map(Box<Type>, Box<Type>),
    /// `BTreeSet<M>` or `HashSet<M>`, with or without a hasher.
    Set(Box<Type>),
    Other,
}

impl Shape {
    pub(crate) fn of(ty: &Type) -> Self {
        let Some((name, arguments)) = std_type(ty) else { return Self::Other };
        let boxed = |ty: &Type| Box::new(ty.clone());
        match (name.as_str(), &arguments[..]) {
            ("Option", [inner]) => Self::Option(boxed(inner)),
            ("Vec" | "VecDeque", [item]) => Self::List(boxed(item)),
            ("BTreeMap", [key, value]) | ("HashMap", [key, value] | [key, value, _]) => {
                Self::Map(boxed(key), boxed(value))
            }
            ("BTreeSet", [member]) | ("HashSet", [member] | [member, _]) => {
                Self::Set(boxed(member))
            }
            _ => Self::Other,
        }
    }
}

/// The name and the type arguments of a type that is written as one of the standard library.
fn std_type(ty: &Type) -> Option<(String, Vec<&Type>)> {
    let path = match ty {
        Type::Group(group) => return std_type(&group.elem),
        Type::Paren(paren) => return std_type(&paren.elem),
        Type::Path(path) if path.qself.is_none() => &path.path,
        _ => return None,
    };
    let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (last, before) = path.segments.iter().next_back().zip(names.split_last())?;
    let (name, path) = before;
    let is_std = match path {
        [] => path_is_relative(ty),
        ["std" | "core", "option"] => *name == "Option",
        ["std" | "alloc", "vec"] => *name == "Vec",
        ["std" | "alloc", "collections", ..] => *name != "Option" && *name != "Vec",
        ["std" | "alloc" | "core", "string" | "primitive"] => true,
        _ => false,
    };
    if !is_std {
        return None;
    }
    let arguments = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect::<Option<_>>()?,
        _ => Vec::new(),
    };
    Some(((*name).to_owned(), arguments))
}

/// Returns whether a path does not begin with `::`: `::Option` would be a crate.
fn path_is_relative(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.leading_colon.is_none())
}

/// Returns whether a type is written as a number, `bool` or `char`, under its own path or none.
pub(crate) fn is_primitive(ty: &Type) -> bool {
    const PRIMITIVES: &[&str] = &[
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16",
        "u32", "u64", "u128", "usize",
    ];
    is_one_of(ty, PRIMITIVES)
}

/// Returns whether a type is written as `String`, under its own path or none.
pub(crate) fn is_string(ty: &Type) -> bool {
    is_one_of(ty, &["String"])
}

fn is_one_of(ty: &Type, names: &[&str]) -> bool {
    std_type(ty)
        .is_some_and(|(name, arguments)| arguments.is_empty() && names.contains(&name.as_str()))
}
