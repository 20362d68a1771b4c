//! Which variables an expression reads from outside: those it does not bind itself.

use jsonata_core::ast::{AstNode, BinaryOp};

/// Calls `see` with each free variable, `states` left out; more than once if it is read more than once.
pub(super) fn free_variables(node: &AstNode, see: &mut dyn FnMut(&str)) {
    walk(node, &mut Vec::new(), see);
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the tree is another crate's; its leaves bind and read nothing"
)]
fn walk(node: &AstNode, bound: &mut Vec<String>, see: &mut dyn FnMut(&str)) {
    jsonata_core::value::with_stack(|| match node {
        AstNode::Variable(name) => {
            if !name.is_empty() && name != "states" && !bound.iter().any(|known| known == name) {
                see(name);
            }
        }
        AstNode::Binary {
            op: BinaryOp::ColonEqual,
            lhs,
            rhs,
        } => {
            if let AstNode::Variable(name) = &**lhs {
                bound.push(name.clone());
            }
            walk(rhs, bound, see);
        }
        AstNode::Lambda { params, body, .. } => {
            let outside = bound.len();
            bound.extend(params.iter().map(|param| param.trim_start_matches('$').to_owned()));
            walk(body, bound, see);
            bound.truncate(outside);
        }
        AstNode::Block(expressions) => {
            let outside = bound.len();
            for expression in expressions {
                walk(expression, bound, see);
            }
            bound.truncate(outside);
        }
        other => for_each_child(other, &mut |child| walk(child, bound, see)),
    });
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the tree is another crate's; its leaves have no children"
)]
fn for_each_child(node: &AstNode, visit: &mut dyn FnMut(&AstNode)) {
    match node {
        AstNode::Path { steps } => {
            for step in steps {
                visit(&step.node);
                step.stages.iter().for_each(|stage| for_stage(stage, visit));
            }
        }
        AstNode::Binary { lhs, rhs, .. } => [lhs, rhs].into_iter().for_each(|side| visit(side)),
        AstNode::Unary { operand, .. } => visit(operand),
        AstNode::Function { args, .. } | AstNode::Array(args) | AstNode::ArrayGroup(args) => {
            args.iter().for_each(visit);
        }
        AstNode::Call { procedure, args } => {
            visit(procedure);
            args.iter().for_each(visit);
        }
        AstNode::Object(members) => for_members(members, visit),
        AstNode::ObjectTransform { input, pattern } => {
            visit(input);
            for_members(pattern, visit);
        }
        AstNode::Conditional {
            condition,
            then_branch,
            else_branch,
        } => {
            visit(condition);
            visit(then_branch);
            if let Some(branch) = else_branch {
                visit(branch);
            }
        }
        AstNode::FunctionApplication(inner) => visit(inner),
        AstNode::Sort { input, terms } => {
            visit(input);
            for (term, _) in terms {
                visit(term);
            }
        }
        AstNode::Transform {
            location,
            update,
            delete,
        } => {
            [location, update]
                .into_iter()
                .chain(delete)
                .for_each(|part| visit(part));
        }
        _ => {}
    }
}

fn for_members(members: &[(AstNode, AstNode)], visit: &mut dyn FnMut(&AstNode)) {
    for (name, value) in members {
        visit(name);
        visit(value);
    }
}

fn for_stage(stage: &jsonata_core::ast::Stage, visit: &mut dyn FnMut(&AstNode)) {
    if let jsonata_core::ast::Stage::Filter(filter) = stage {
        visit(filter);
    }
}
