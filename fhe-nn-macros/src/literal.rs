//! Integer literals, the only numbers that a macro can read: it runs before constants exist.

use syn::{Expr, ExprLit, ExprUnary, Lit, LitInt, UnOp};

use crate::errors::{Error, Errors, Place, Spanned};

/// The name of a number, and the values that it may have.
pub(crate) struct Integer<'a> {
    /// Its name in errors.
    pub(crate) what: &'a str,
    /// Least value.
    pub(crate) min: u64,
    /// Greatest value.
    pub(crate) max: u64,
}

impl Integer<'_> {
    /// Reads an expression. `help` says what to write: it is given the nearest value in range for a
    /// number out of range, and `None` for something that is not a number.
    pub(crate) fn read(
        &self,
        errors: &mut Errors,
        expr: &Expr,
        help: impl Fn(Option<u64>) -> String,
    ) -> Option<Spanned<u64>> {
        let place = Place::of(expr);
        let Some(digits) = digits(expr) else {
            let error = Error::new(place, format!("{} must be an integer literal", self.what));
            let error = if matches!(peel(expr), Expr::Lit(_)) {
                error
            } else {
                error.note(
                    "a macro runs before constants are evaluated, so shapes and \
                    widths are integer literals",
                )
            };
            errors.push(error.help(help(None)));
            return None;
        };
        match digits.parse() {
            Ok(value) if (self.min..=self.max).contains(&value) => Some(Spanned { value, place }),
            _ => {
                let (min, max) = (self.min, self.max);
                let below = digits.starts_with('-') || digits.parse().is_ok_and(|v: u64| v < min);
                let law = format!("{} is {digits}, but must be {min} to {max}", self.what);
                errors.push(Error::new(place, law).help(help(Some(if below { min } else { max }))));
                None
            }
        }
    }
}

/// The decimal digits of an integer literal, with a minus sign if it has one.
fn digits(expr: &Expr) -> Option<String> {
    match peel(expr) {
        Expr::Lit(ExprLit {
            lit: Lit::Int(int), ..
        }) if is_integer(int) => Some(int.base10_digits().to_owned()),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => digits(expr).map(|digits| match digits.strip_prefix('-') {
            Some(positive) => positive.to_owned(),
            None => format!("-{digits}"),
        }),
        _ => None,
    }
}

/// Whether the suffix of a literal, if any, is that of an integer type.
fn is_integer(int: &LitInt) -> bool {
    let suffix = int.suffix();
    suffix.is_empty()
        || suffix
            .strip_prefix(['u', 'i'])
            .is_some_and(|width| matches!(width, "8" | "16" | "32" | "64" | "128" | "size"))
}

/// The expression without parentheses and without the invisible groups in which `macro_rules`
/// wraps what it passes on.
pub(crate) fn peel(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => peel(&group.expr),
        Expr::Paren(paren) => peel(&paren.expr),
        _ => expr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn every_spelling_of_an_integer_is_read() {
        let read = |expr: Expr| digits(&expr);
        assert_eq!(read(parse_quote!(16)).as_deref(), Some("16"));
        assert_eq!(read(parse_quote!(0x10)).as_deref(), Some("16"));
        assert_eq!(read(parse_quote!(1_6u32)).as_deref(), Some("16"));
        assert_eq!(read(parse_quote!((16))).as_deref(), Some("16"));
        assert_eq!(read(parse_quote!(-16)).as_deref(), Some("-16"));
        assert_eq!(read(parse_quote!(16bits)), None);
        assert_eq!(read(parse_quote!(16.0)), None);
        assert_eq!(read(parse_quote!("16")), None);
        assert_eq!(read(parse_quote!(8 + 8)), None);
    }

    #[test]
    fn literals_longer_than_any_integer_are_digits_too() {
        let expr: Expr =
            parse_quote!(1606938044258990275541962092341162602522202993782792835301376);
        assert_eq!(digits(&expr).map(|digits| digits.len()), Some(61));
    }
}
