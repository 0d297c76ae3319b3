//! The operations of which functions of single values are made.

/// An operation on single values. Comparisons give 1 or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Min,
    Max,
    Less,
    LessOrEqual,
    Equal,
    /// The second operand where the first is not 0, else the third.
    Select,
    Exp,
    Log,
    Sqrt,
    Tanh,
    Erf,
    Abs,
    Sign,
    Floor,
    Ceil,
    Trunc,
    Round,
    Sin,
    Cos,
}

impl Operation {
    /// The value. Operands that the operation does not have are ignored.
    pub(crate) fn value(self, [a, b, c]: [f64; 3]) -> f64 {
        let truth = |is| if is { 1.0 } else { 0.0 };
        match self {
            Operation::Add => a + b,
            Operation::Sub => a - b,
            Operation::Mul => a * b,
            Operation::Div => a / b,
            Operation::Pow => libm::pow(a, b),
            Operation::Min => a.min(b),
            Operation::Max => a.max(b),
            Operation::Less => truth(a < b),
            Operation::LessOrEqual => truth(a <= b),
            Operation::Equal => truth(a == b),
            Operation::Select => {
                if a != 0.0 {
                    b
                } else {
                    c
                }
            }
            Operation::Exp => libm::exp(a),
            Operation::Log => libm::log(a),
            Operation::Sqrt => a.sqrt(),
            Operation::Tanh => libm::tanh(a),
            Operation::Erf => libm::erf(a),
            Operation::Abs => a.abs(),
            Operation::Sign if a == 0.0 => 0.0,
            Operation::Sign => a.signum(),
            Operation::Floor => a.floor(),
            Operation::Ceil => a.ceil(),
            Operation::Trunc => a.trunc(),
            Operation::Round => a.round_ties_even(),
            Operation::Sin => libm::sin(a),
            Operation::Cos => libm::cos(a),
        }
    }

    /// Every operation.
    pub(crate) const ALL: [Operation; 24] = [
        Operation::Add,
        Operation::Sub,
        Operation::Mul,
        Operation::Div,
        Operation::Pow,
        Operation::Min,
        Operation::Max,
        Operation::Less,
        Operation::LessOrEqual,
        Operation::Equal,
        Operation::Select,
        Operation::Exp,
        Operation::Log,
        Operation::Sqrt,
        Operation::Tanh,
        Operation::Erf,
        Operation::Abs,
        Operation::Sign,
        Operation::Floor,
        Operation::Ceil,
        Operation::Trunc,
        Operation::Round,
        Operation::Sin,
        Operation::Cos,
    ];

    /// The name of the operation in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Add => "add",
            Operation::Sub => "sub",
            Operation::Mul => "mul",
            Operation::Div => "div",
            Operation::Pow => "pow",
            Operation::Min => "min",
            Operation::Max => "max",
            Operation::Less => "less",
            Operation::LessOrEqual => "less_or_equal",
            Operation::Equal => "equal",
            Operation::Select => "select",
            Operation::Exp => "exp",
            Operation::Log => "log",
            Operation::Sqrt => "sqrt",
            Operation::Tanh => "tanh",
            Operation::Erf => "erf",
            Operation::Abs => "abs",
            Operation::Sign => "sign",
            Operation::Floor => "floor",
            Operation::Ceil => "ceil",
            Operation::Trunc => "trunc",
            Operation::Round => "round",
            Operation::Sin => "sin",
            Operation::Cos => "cos",
        }
    }

    /// The operation of that name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.name() == name)
    }

    /// Number of its operands.
    pub(crate) fn operands(self) -> usize {
        match self {
            Operation::Add
            | Operation::Sub
            | Operation::Mul
            | Operation::Div
            | Operation::Pow
            | Operation::Min
            | Operation::Max
            | Operation::Less
            | Operation::LessOrEqual
            | Operation::Equal => 2,
            Operation::Select => 3,
            Operation::Exp
            | Operation::Log
            | Operation::Sqrt
            | Operation::Tanh
            | Operation::Erf
            | Operation::Abs
            | Operation::Sign
            | Operation::Floor
            | Operation::Ceil
            | Operation::Trunc
            | Operation::Round
            | Operation::Sin
            | Operation::Cos => 1,
        }
    }
}
