//! How many scenarios passed, by runtime and transport.

use std::{collections::BTreeMap, sync::Mutex};

use crate::wire::Wire;

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    started: usize,
    passed: usize,
}

/// Counted while the scenarios run.
#[derive(Debug, Default)]
pub(crate) struct Matrix {
    cells: Mutex<BTreeMap<(&'static str, Wire), Cell>>,
}

impl Matrix {
    pub(crate) fn start(&self, runtime: &'static str, wire: Wire) {
        self.change(runtime, wire, |cell| cell.started += 1);
    }

    pub(crate) fn pass(&self, runtime: &'static str, wire: Wire) {
        self.change(runtime, wire, |cell| cell.passed += 1);
    }

    fn change(&self, runtime: &'static str, wire: Wire, change: impl FnOnce(&mut Cell)) {
        let mut cells = self.cells.lock().expect("nobody panics while counting");
        change(cells.entry((runtime, wire)).or_default());
    }

    /// A row for each runtime: scenarios passed, and how many were run where that is more.
    pub(crate) fn print(&self) {
        let cells = self.cells.lock().expect("nobody panics while counting");
        let mut runtimes: Vec<&str> = cells.keys().map(|(runtime, _)| *runtime).collect();
        runtimes.dedup();
        let row = |first: &str, columns: Vec<String>| {
            println!("{first:<12}{}", columns.iter().map(|column| format!("{column:>9}")).collect::<String>());
        };
        row("scenarios", Wire::ALL.iter().map(ToString::to_string).chain(["all".to_owned()]).collect());
        for runtime in runtimes {
            let cell = |wire: &Wire| cells.get(&(runtime, *wire)).copied().unwrap_or_default();
            let of_wires: Vec<Cell> = Wire::ALL.iter().map(cell).collect();
            let all = of_wires.iter().fold(Cell::default(), |sum, cell| sum.plus(*cell));
            row(runtime, of_wires.iter().chain([&all]).map(Cell::text).collect());
        }
    }
}

impl Cell {
    const fn plus(self, other: Self) -> Self {
        Self { started: self.started + other.started, passed: self.passed + other.passed }
    }

    fn text(&self) -> String {
        let Self { started, passed } = self;
        if started == passed { passed.to_string() } else { format!("{passed}/{started}") }
    }
}
