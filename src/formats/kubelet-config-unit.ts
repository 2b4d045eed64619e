// The kubelet's command line as systemd builds it: unit and drop-ins, Environment=, EnvironmentFile= and ExecStart=
// (systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.syntax(7)). Pure: files come in as text.
import { flagsOf } from './manifest.ts';

export interface UnitFile {
  readonly path: string;
  readonly text: string;
}

/** `ExecStart` and the environment of a unit, before variables are put in. */
export interface Unit {
  readonly execStart: string | undefined;
  readonly environment: ReadonlyMap<string, string>;
  /** In the order of reading; later files win over `environment`. `optional`: written with a leading dash. */
  readonly environmentFiles: readonly { readonly path: string; readonly optional: boolean }[];
}

/** Reads a unit and its drop-ins, in the order in which systemd applies them. An empty assignment resets. */
export function readUnit(files: readonly UnitFile[]): Unit {
  let execStart: string | undefined;
  let environment = new Map<string, string>();
  let environmentFiles: { path: string; optional: boolean }[] = [];
  for (const { text } of files) {
    for (const { section, key, value } of assignments(text)) {
      if (section !== 'Service') continue;
      if (key === 'ExecStart') execStart = value === '' ? undefined : value;
      if (key === 'Environment' && value === '') environment = new Map();
      else if (key === 'Environment')
        for (const [name, content] of variables(words(value))) environment.set(name, content);
      if (key === 'EnvironmentFile' && value === '') environmentFiles = [];
      else if (key === 'EnvironmentFile') {
        const [path = ''] = words(value.replace(/^-/u, ''));
        environmentFiles.push({ path, optional: value.startsWith('-') });
      }
    }
  }
  return { execStart, environment, environmentFiles };
}

/** The flags that the kubelet gets. @param read text of an EnvironmentFile, undefined when it is not there */
export function kubeletFlags(
  unit: Unit,
  read: (path: string) => string | undefined,
): ReadonlyMap<string, string> {
  if (unit.execStart === undefined) return new Map();
  const environment = new Map(unit.environment);
  for (const { path } of unit.environmentFiles) {
    for (const [name, value] of readEnvironmentFile(read(path) ?? '')) environment.set(name, value);
  }
  const line = unit.execStart.replace(/^[@:+!|-]+/u, '');
  const expanded = words(line, true).flatMap((word) => expand(word, environment));
  return flagsOf(expanded.flatMap((word) => unwrap(word, environment)));
}

/**
 * Wrappers (`sh -c 'exec kubelet … $KUBELET_EXTRA_ARGS'`) put the whole command into one word, whose variables the shell
 * replaces: systemd leaves a bare `$NAME` inside of a word as it is.
 */
function unwrap(word: string, environment: ReadonlyMap<string, string>): readonly string[] {
  if (!/\s(?:--?[a-z]|\$)/u.test(word)) return [word];
  return words(word, true).flatMap((each) => expand(each, environment));
}

/** `NAME=value` lines; quotes and backslash-newline as systemd reads them. Never throws. */
export function readEnvironmentFile(text: string): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  for (const line of text.replaceAll('\r\n', '\n').replaceAll('\\\n', '').split('\n')) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/u.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    result.set(match[1], unquote(match[2].trim()));
  }
  return result;
}

function assignments(text: string): readonly { section: string; key: string; value: string }[] {
  let section = '';
  const result: { section: string; key: string; value: string }[] = [];
  for (const line of logicalLines(text)) {
    const header = /^\[([^\]]*)\]\s*$/u.exec(line);
    if (header?.[1] !== undefined) section = header[1];
    const equals = line.indexOf('=');
    if (header !== null || equals < 0) continue;
    result.push({ section, key: line.slice(0, equals).trim(), value: line.slice(equals + 1).trim() });
  }
  return result;
}

/** A backslash at the end joins lines; comment lines between joined ones are skipped. */
function logicalLines(text: string): readonly string[] {
  const lines: string[] = [];
  let pending = '';
  for (const raw of text.replaceAll('\r\n', '\n').split('\n')) {
    if (/^\s*[#;]/u.test(raw)) continue;
    if (raw.endsWith('\\')) {
      pending += `${raw.slice(0, -1)} `;
      continue;
    }
    lines.push((pending + raw).trim());
    pending = '';
  }
  if (pending !== '') lines.push(pending.trim());
  return lines.filter((line) => line !== '');
}

function variables(assignments: readonly string[]): readonly (readonly [string, string])[] {
  return assignments.flatMap((assignment): readonly (readonly [string, string])[] => {
    const equals = assignment.indexOf('=');
    return equals < 1 ? [] : [[assignment.slice(0, equals), assignment.slice(equals + 1)]];
  });
}

/** `$NAME` as a word of its own is split into words, `${NAME}` is not (systemd.service(5)). */
function expand(word: string, environment: ReadonlyMap<string, string>): readonly string[] {
  const bare = /^\$([A-Za-z_][A-Za-z0-9_]*)$/u.exec(word);
  if (bare?.[1] !== undefined) return words(environment.get(bare[1]) ?? '');
  return [
    word.replaceAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\$/gu, (all: string, name: string | undefined) =>
      name === undefined ? all.slice(1) : (environment.get(name) ?? ''),
    ),
  ];
}

/** Splits at white space; quotes hold words together, a backslash takes the next character as it is. */
function words(line: string, keepDollar = false): string[] {
  const result: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let index = 0; index < line.length; index++) {
    const character = line.charAt(index);
    if (character === '\\' && index + 1 < line.length) {
      index += 1;
      word = (word ?? '') + line.charAt(index);
    } else if (quote === '' && (character === '"' || character === "'")) {
      quote = character;
      word ??= '';
    } else if (character === quote) {
      quote = '';
    } else if (quote === '' && /\s/u.test(character)) {
      if (word !== undefined) result.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== undefined) result.push(word);
  return keepDollar ? result : result.map((each) => each.replaceAll('$$', '$'));
}

function unquote(value: string): string {
  const quoted = /^(["'])(.*)\1$/su.exec(value);
  return quoted?.[2] === undefined ? value : quoted[2].replaceAll(/\\(["'\\$`])/gu, '$1');
}
