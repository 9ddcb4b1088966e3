/// How many draws are made for each emigrant before fewer must do.
const DRAWS: usize = 8;

/// Up to `count` different places, drawn one by one.
pub(crate) fn different(count: usize, mut draw: impl FnMut() -> usize) -> Vec<usize> {
    let mut places = Vec::with_capacity(count);
    for _ in 0..count * DRAWS {
        if places.len() == count {
            break;
        }
        let place = draw();
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}
