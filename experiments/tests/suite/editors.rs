//! `roofnas completions` and `roofnas man`.

use crate::help::commands;
use crate::support::Desk;

#[test]
fn every_shell_completes_every_command() {
    let desk = Desk::new();
    let commands = commands(&desk);
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = desk.roofnas(&["completions", shell]).ends(0).stdout;
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell}: {command}");
        }
        assert!(
            script.contains("latency-column"),
            "{shell} completes options"
        );
    }
    desk.roofnas(&["completions", "csh"])
        .ends(2)
        .says(&["csh", "bash"]);
}

#[cfg(unix)]
#[test]
fn bash_takes_its_script() {
    let desk = Desk::new();
    desk.write(
        "roofnas.bash",
        desk.roofnas(&["completions", "bash"]).ends(0).stdout,
    );
    let completes = "source roofnas.bash; COMP_WORDS=(roofnas com); COMP_CWORD=1; _roofnas roofnas com roofnas; echo \"${COMPREPLY[@]}\"";
    let shell = std::process::Command::new("bash")
        .args(["-c", completes])
        .current_dir(desk.path("."))
        .output();
    let Ok(shell) = shell else {
        println!("SKIPPED: there is no bash");
        return;
    };
    let words = String::from_utf8(shell.stdout).unwrap();
    assert!(
        words.contains("completions"),
        "{words} {:?}",
        String::from_utf8(shell.stderr)
    );
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let desk = Desk::new();
    desk.roofnas(&["man", "--out", "pages"]).ends(0);
    let pages = desk.files("pages");
    let main = String::from_utf8(pages["roofnas.1"].clone()).unwrap();
    for command in commands(&desk) {
        let page = String::from_utf8(pages[&format!("roofnas-{command}.1")].clone()).unwrap();
        assert!(page.contains(".TH roofnas-"), "{page}");
        assert!(page.contains("Example: roofnas"), "{page}");
        // how it is called, and not each option once more
        let synopsis = format!(".SH SYNOPSIS\nroofnas {}", command.replace('-', "\\-"));
        assert!(page.contains(&synopsis), "{page}");
        assert!(main.contains(&command), "{command}");
        let printed = desk.roofnas(&["man", &command]).ends(0).stdout;
        assert_eq!(printed.trim_end(), page.trim_end());
    }
    assert_eq!(
        desk.roofnas(&["man"]).ends(0).stdout.trim_end(),
        main.trim_end()
    );
    desk.roofnas(&["man", "fly"])
        .ends(2)
        .says(&["fly", "run", "export"]);
    desk.write("file", "in the way");
    desk.roofnas(&["man", "--out", "file"])
        .ends(1)
        .says(&["file"]);
}
