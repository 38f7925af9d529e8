/** `absurd completion`: what a shell offers, generated from the program itself. */
import { TASK_FIELDS } from "@contimg/contract";
import { Argument, Command } from "commander";

const EXAMPLES = `
Examples:
  eval "$(absurd completion bash)"                         in ~/.bashrc
  absurd completion bash > /etc/bash_completion.d/absurd
  absurd completion zsh > /usr/local/share/zsh/site-functions/_absurd`;

export function completionCommand(): Command {
  const command = new Command("completion")
    .description("print what makes a shell complete commands, options and filters")
    .addArgument(new Argument("<shell>").choices(["bash", "zsh"]))
    .addHelpText("after", EXAMPLES);
  return command.action((shell: "bash" | "zsh") => {
    const levels = levelsOf(command.parent!);
    process.stdout.write(shell === "bash" ? bashScript(levels) : zshScript(levels));
  });
}

/** A command and what may stand after it. */
interface Level {
  /** Without the program's name: "queues pause"; "" for the program. */
  readonly path: string;
  readonly words: readonly string[];
  /** What an option takes, of those that take one of a few. */
  readonly choices: readonly (readonly [option: string, words: readonly string[]])[];
}

function levelsOf(command: Command, path = ""): readonly Level[] {
  const options = command.options.filter((option) => !option.hidden);
  const takesFilter = command.registeredArguments.some((each) => each.name() === "filter");
  const words = [
    ...command.commands.map((each) => each.name()),
    ...command.registeredArguments.flatMap((each) => each.argChoices ?? []),
    ...(takesFilter ? filterWords() : []),
    ...options.flatMap((option) => option.long ?? []),
    "--help",
  ];
  const choices = options.flatMap((option) => {
    const values = option.long === "--filter" ? filterWords() : option.argChoices;
    return option.long && values ? [[option.long, values] as const] : [];
  });
  const children = command.commands.flatMap((each) =>
    levelsOf(each, path === "" ? each.name() : `${path} ${each.name()}`),
  );
  return [{ path, words, choices }, ...children];
}

/** Fields with their sign, and the values of those that have a few. */
function filterWords(): string[] {
  return TASK_FIELDS.flatMap(({ field, kind, values = [] }) => {
    if (kind === "param") return ["param."];
    if (kind === "choice") return values.map((value) => `${field}:${value}`);
    return [kind === "seconds" || kind === "instant" ? `${field}>` : `${field}:`];
  });
}

/** A word of the shell: none of ours has a quote in it. */
function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(" ");
}

function cases(levels: readonly Level[], indent: string): string {
  return levels
    .map(({ path, words, choices }) => {
      const byOption = choices.map(
        ([option, values]) => `\n${indent}    ${option}) offers=(${quoted(values)}) ;;`,
      );
      return (
        `${indent}'${path}')\n${indent}  case "$before" in${byOption.join("")}` +
        `\n${indent}    *) offers=(${quoted(words)}) ;;\n${indent}  esac ;;`
      );
    })
    .join("\n");
}

/** The path is the words before the cursor that are commands. */
const WALK = `for word in "\${words[@]}"; do
    case "$word" in -*) continue ;; esac
    next="\${at:+$at }$word"
    case " $paths " in *"|$next|"*) at="$next" ;; esac
  done`;

function pathsOf(levels: readonly Level[]): string {
  return `|${levels.map(({ path }) => path).join("|")}|`;
}

function bashScript(levels: readonly Level[]): string {
  return `# absurd completion bash
_absurd() {
  local line="\${COMP_LINE:0:COMP_POINT}" at="" next word before current
  local paths='${pathsOf(levels)}'
  local -a words offers
  COMPREPLY=()
  # Not COMP_WORDS: these are parted at colons, which stand in filters.
  read -r -a words <<< "\${line#*[[:space:]]}"
  current=""
  case "$line" in *[[:space:]]) ;; *) current="\${words[-1]}"; unset 'words[-1]' ;; esac
  before=""
  [ "\${#words[@]}" -gt 0 ] && before="\${words[-1]}"
  ${WALK}
  case "$at" in
${cases(levels, "    ")}
  esac
  local minus="" quote=""
  case "$current" in [\\'\\"]*) quote="\${current:0:1}"; current="\${current:1}" ;; esac
  case "$current" in -[a-z]*) minus="-" ;; esac
  for word in "\${offers[@]}"; do
    case "$word" in "$current"*) COMPREPLY+=("$word") ;; esac
    [ -n "$minus" ] && case "$word" in
      *[:\\>]*) case "-$word" in "$current"*) COMPREPLY+=("-$word") ;; esac ;;
    esac
  done
  # bash replaces from the last of its word breaks on; within quotes it knows none.
  local breaks="\${current%"\${current##*[:=\\>\\<]}"}" i
  [ -n "$quote" ] && breaks=""
  for i in "\${!COMPREPLY[@]}"; do COMPREPLY[i]="\${COMPREPLY[i]#"$breaks"}"; done
  if [ "\${#COMPREPLY[@]}" -eq 1 ]; then
    case "\${COMPREPLY[0]}" in *[:.\\>]) compopt -o nospace 2>/dev/null ;; esac
  fi
  case "\${COMPREPLY[0]-}" in
    *\\>) [ -z "$quote" ] && COMPREPLY=("\${COMPREPLY[@]/%>/\\\\>}") ;;
  esac
}
complete -F _absurd absurd
`;
}

function zshScript(levels: readonly Level[]): string {
  return `#compdef absurd
# absurd completion zsh
_absurd() {
  local at="" next word before="\${words[CURRENT-1]}"
  local paths='${pathsOf(levels)}'
  local -a offers given
  given=("\${(@)words[2,CURRENT-1]}")
  () { local -a words; words=("\${(@)given}"); ${WALK.replaceAll("\n", "\n  ")}; }
  case "$at" in
${cases(levels, "    ")}
  esac
  # A term is not over with its field, and may be negated.
  local -a open
  open=("\${(@M)offers:#*[:.>]}")
  offers=("\${(@)offers:#*[:.>]}")
  if [[ $PREFIX == -[a-z]* ]]; then
    open+=("\${(@)\${(@M)open:#*[:>]}/#/-}")
    offers+=("\${(@)\${(@M)offers:#*:*}/#/-}")
  fi
  compadd -- "\${(@)offers}"
  compadd -S '' -- "\${(@)open}"
}
compdef _absurd absurd
`;
}
