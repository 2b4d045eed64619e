// Completion scripts for shells, from the commands as commander knows them. Pure.
import type { Command, Option } from 'commander';
import { hostLayout } from '../host/layout.ts';

export interface Completed {
  /** Empty: what is called without the name of a command. */
  readonly name: string;
  readonly summary: string;
  readonly command: Command;
}

/** What follows an option: nothing, a file, or a value that nobody can guess. */
type Value = 'none' | 'file' | 'other';

function valueOf({ flags, required, optional }: Option): Value {
  if (!required && !optional) return 'none';
  return /<(?:path|file)>$/u.test(flags) ? 'file' : 'other';
}

/** That of help among them. */
const optionsOf = ({ command }: Completed): readonly Option[] => command.createHelp().visibleOptions(command);

const choicesOf = ({ command }: Completed): readonly string[] =>
  command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);

/** What an operand names where it is none of a few words: a backup by its name or its directory, or a file. */
type Operand = 'none' | 'file' | 'backup';

function operandOf({ command }: Completed): Operand {
  const named = command.registeredArguments.find(({ argChoices }) => argChoices === undefined);
  if (named === undefined) return 'none';
  return named.name() === 'BACKUP' ? 'backup' : 'file';
}

/** Where those are that are called by their name. */
const { backups } = hostLayout();

const longNames = (each: Completed, kind?: Value): string =>
  optionsOf(each)
    .filter((option) => kind === undefined || valueOf(option) === kind)
    .flatMap(({ long }) => long ?? [])
    .join(' ');

const namesOf = (all: readonly Completed[]): string[] =>
  all.flatMap(({ name }) => (name === '' ? [] : [name]));

/** The kind of paths that compgen of bash is to find. */
const pathsOf: Readonly<Record<Operand, string>> = { none: '', file: '-f', backup: '-d' };

export function bashScript(all: readonly Completed[]): string {
  const cases = all.map((each) => {
    const sets = [
      `options='${longNames(each)}'`,
      `with_file='${longNames(each, 'file')}'`,
      `with_value='${longNames(each, 'other')}'`,
      `words='${choicesOf(each).join(' ')}'`,
      `paths='${pathsOf[operandOf(each)]}'`,
      `names_in='${operandOf(each) === 'backup' ? backups : ''}'`,
    ];
    return `    ${each.name === '' ? "''" : each.name}) ${sets.join(' ')} ;;`;
  });
  return `# bash completion for cert-renew; made by: cert-renew completion bash
_cert_renew() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command='' options='' with_file='' with_value='' words='' paths='' names_in='' line
  COMPREPLY=()
  if [ "$COMP_CWORD" -gt 1 ]; then
    case "\${COMP_WORDS[1]}" in ${namesOf(all).join('|')}) command="\${COMP_WORDS[1]}" ;; esac
  fi
  case "$command" in
${cases.join('\n')}
  esac
  [ "$COMP_CWORD" -eq 1 ] && words='${namesOf(all).join(' ')}'
  case " $with_value " in *" $previous "*) return ;; esac
  case " $with_file " in
    *" $previous "*) words='' options='' paths=-f names_in='' ;;
    *) case "$current" in -*) words="$options" paths='' names_in='' ;; */*) names_in='' ;; esac ;;
  esac
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
    compgen -W "$words" -- "$current"
    [ -n "$names_in" ] && cd "$names_in" 2>/dev/null && compgen -d -- "$current"
  )
  if [ -n "$paths" ] && [ "\${#COMPREPLY[@]}" -eq 0 ]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen $paths -- "$current")
  fi
}
complete -F _cert_renew cert-renew
`;
}

export function zshScript(all: readonly Completed[]): string {
  const described = all
    .filter(({ name }) => name !== '')
    .map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`);
  const cases = all
    .filter(({ name }) => name !== '')
    .map((each) => `    ${each.name}) shift words; (( CURRENT-- )); _arguments ${specs(each)} ;;`);
  const nameless = all.find(({ name }) => name === '');
  return `#compdef cert-renew
# zsh completion for cert-renew; made by: cert-renew completion zsh
_cert_renew_backup() {
  [[ $PREFIX != */* ]] && compadd "$@" - ${backups}/*(N/:t) && return
  # A suffix of ours stays when the line is sent: without a slash it would be a name.
  _files "$@" -/ -S /
}
_cert_renew() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe -t commands command commands || _files
    return
  fi
  case $words[2] in
${cases.join('\n')}
    *) _arguments ${nameless === undefined ? '' : specs(nameless)} ;;
  esac
}
if [[ $funcstack[1] == _cert-renew ]]; then _cert_renew "$@"; else compdef _cert_renew cert-renew; fi
`;
}

const actions: Readonly<Record<Value, string>> = { none: '', file: ':file:_files', other: ':value: ' };

/** What _arguments of zsh wants to know. */
function specs(each: Completed): string {
  const options = optionsOf(each).flatMap((option) => {
    const { long, description } = option;
    const text = description.replaceAll(/[[\]:\\]/gu, String.raw`\$&`);
    return long === undefined ? [] : [quote(`${long}[${text}]${actions[valueOf(option)]}`)];
  });
  const choices = choicesOf(each);
  const operands = choices.length > 0 ? [quote(`1:word:(${choices.join(' ')})`)] : [];
  const paths = { none: [], file: [quote('*:file:_files')], backup: [quote('1:backup:_cert_renew_backup')] };
  return [...options, ...operands, ...paths[operandOf(each)]].join(' ');
}

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
