//! Small systems of linear equations, for at most as many unknowns as the laws have coefficients.

/// As many unknowns as the Universal Scalability Law has coefficients.
pub(super) const MOST: usize = 3;

/// A square matrix whose first `size` rows and columns are used.
pub(super) type Matrix = [[f64; MOST]; MOST];

/// The solution of `matrix · x = right` over the first `size` unknowns, by elimination with pivoting; `None` where the
/// matrix is singular to the precision of the numbers.
pub(super) fn solve(mut matrix: Matrix, mut right: [f64; MOST], size: usize) -> Option<[f64; MOST]> {
    for column in 0..size {
        let pivot =
            (column..size).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        let head = matrix[column];
        if !head[column].is_normal() {
            return None;
        }
        for row in column + 1..size {
            let factor = matrix[row][column] / head[column];
            matrix[row].iter_mut().zip(head).for_each(|(value, above)| *value -= factor * above);
            right[row] -= factor * right[column];
        }
    }
    let mut solution = [0.0; MOST];
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|at| matrix[row][at] * solution[at]).sum();
        solution[row] = (right[row] - known) / matrix[row][row];
    }
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

/// The diagonal of the inverse of `matrix` over its first `size` rows and columns; `None` where it is singular.
pub(super) fn inverse_diagonal(matrix: Matrix, size: usize) -> Option<[f64; MOST]> {
    let mut diagonal = [0.0; MOST];
    for (at, value) in diagonal.iter_mut().enumerate().take(size) {
        let mut unit = [0.0; MOST];
        unit[at] = 1.0;
        *value = solve(matrix, unit, size)?[at];
    }
    Some(diagonal)
}
