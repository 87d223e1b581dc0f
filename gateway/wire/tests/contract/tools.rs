//! The contract as others read it: compilers of C and C++, the official SBE tool, and an SBE library of other people.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tidegate_wire::{FRAME_HEADER_LEN_BYTES, FieldLayout, layout_tables};

use crate::{examples, file, parse_type, unique_name};

/// Runs a program that must succeed, with an input, and gives what it prints.
fn run(command: &mut Command, input: &str) -> String {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}; install it"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A Python interpreter with these packages.
fn python(requirements: &Path) -> String {
    let mut command = Command::new(file("../../tools/python-env"));
    run(command.arg(env!("CARGO_TARGET_TMPDIR")).arg(requirements), "").trim().to_owned()
}

/// A folder for what a test makes, empty.
fn scratch(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn the_header_compiles_without_a_warning_as_c99_c11_and_cpp() {
    let folder = scratch("c-header");
    for (compiler, standard, extension) in [("cc", "c99", "c"), ("cc", "c11", "c"), ("c++", "c++11", "cpp")] {
        let source = folder.join(format!("{standard}.{extension}"));
        std::fs::write(&source, "#include \"tidegate.h\"\nint main(void) { return 0; }\n").unwrap();
        let warnings = ["-Wall", "-Wextra", "-Werror", "-pedantic"];
        let mut command = Command::new(compiler);
        command.arg(format!("-std={standard}")).args(warnings).arg("-I").arg(file("include"));
        run(command.arg(&source).arg("-o").arg(folder.join(standard)), "");
    }
}

/// A field as the other library shows it.
fn shown(field: &FieldLayout, bytes: &[u8]) -> String {
    let (primitive, count) = parse_type(field.type_name);
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    match (primitive, count) {
        ("char", _) => bytes.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect(),
        // It shows the first of an array.
        (_, Some(_)) => bytes[0].to_string(),
        ("i32", None) => i32::from_le_bytes(bytes.try_into().unwrap()).to_string(),
        ("i64", None) => i64::from_le_bytes(bytes.try_into().unwrap()).to_string(),
        _ => match field.codes {
            Some(list) => {
                let code = list.codes.iter().find(|code| u128::from(code.code) == number(bytes)).unwrap();
                format!("{} {}", code.code, code.name.to_ascii_uppercase())
            }
            None => number(bytes).to_string(),
        },
    }
}

#[test]
fn an_sbe_library_of_other_people_decodes_every_example_from_the_schema() {
    let mut expected = String::new();
    for (message, (name, frame)) in layout_tables().iter().zip(examples()) {
        assert_eq!(message.name, name);
        let mut expect = |path: &str, field: &FieldLayout, start: usize| {
            let at = start + field.offset;
            let value = shown(field, &frame[at..at + field.len_bytes]);
            expected += &format!("{path}.{} {value}\n", unique_name(field));
        };
        message.fields.iter().for_each(|field| expect(&name, field, FRAME_HEADER_LEN_BYTES));
        let Some(group) = &message.group else { continue };
        let count_at = FRAME_HEADER_LEN_BYTES + message.block_len_bytes + group.dimensions[1].offset;
        let count = usize::from(u16::from_le_bytes([frame[count_at], frame[count_at + 1]]));
        assert!(count > 1, "the example has several entries");
        let entries = frame.len() - count * group.entry_len_bytes;
        for at in 0..count {
            let path = format!("{name}.{}[{at}]", group.name);
            group.fields.iter().for_each(|field| expect(&path, field, entries + at * group.entry_len_bytes));
        }
    }
    let mut command = Command::new(python(&file("tests/contract/requirements.txt")));
    command.arg(file("tests/contract/decode.py")).arg(file("schema/tidegate.xml"));
    let decoded = run(&mut command, &std::fs::read_to_string(file("tests/fixtures/messages_v1.hex")).unwrap());
    for (decoded, expected) in decoded.lines().zip(expected.lines()) {
        assert_eq!(decoded, expected);
    }
    assert_eq!(decoded.lines().count(), expected.lines().count());
}

#[test]
fn the_python_client_has_every_layout_right() {
    let client = file("../client-python");
    let mut command = Command::new(python(&client.join("requirements.txt")));
    command.arg("-B").arg(file("tests/contract/again.py")).arg(client).arg(file("schema/tidegate.xml"));
    let examples = std::fs::read_to_string(file("tests/fixtures/messages_v1.hex")).unwrap();
    let again = run(&mut command, &examples);
    for (again, example) in again.lines().zip(examples.lines()) {
        assert_eq!(again, example);
    }
    assert_eq!(again.lines().count(), examples.lines().count());
}

/// The official tool is a Java archive that no package registry has which this project installs from, so whoever has it
/// names it: `SBE_TOOL_JAR=sbe-all.jar cargo test -p tidegate-wire`.
#[test]
fn the_official_sbe_tool_generates_code_from_the_schema() {
    let Some(jar) = std::env::var_os("SBE_TOOL_JAR") else {
        // Past the test runner, which hides what a passing test prints.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no official SBE tool: SBE_TOOL_JAR names its archive (sbe-all)");
        return;
    };
    let folder = scratch("sbe-tool");
    let mut command = Command::new("java");
    command.arg("--add-opens").arg("java.base/jdk.internal.misc=ALL-UNNAMED");
    command.arg(format!("-Dsbe.output.dir={}", folder.display()));
    command.args(["-Dsbe.target.language=Java", "-Dsbe.validation.stop.on.error=true"]);
    run(command.arg("-jar").arg(jar).arg(file("schema/tidegate.xml")), "");
    for message in layout_tables() {
        for part in ["Encoder", "Decoder"] {
            let made = folder.join("tidegate").join(format!("{}{part}.java", message.name));
            assert!(made.exists(), "{} was not generated", made.display());
        }
    }
}
