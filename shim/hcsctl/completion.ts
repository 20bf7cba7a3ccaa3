/** `completion`: scripts by which shells complete commands and flags. All of them follow from the table of commands. */
import { UsageError } from "../flags.ts";
import type { Command } from "./command.ts";

export interface CompletedCommand {
  readonly name: string;
  /** With their dashes. */
  readonly flags: readonly string[];
}

const SHELLS: Readonly<Record<string, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashCompletion,
  fish: fishCompletion,
};

/** @param commands all that hcsctl has, asked for when they are needed */
export function completion(commands: () => Promise<readonly Command[]>): Command {
  return {
    name: "completion",
    usage: `hcsctl completion ${Object.keys(SHELLS).join("|")}`,
    summary: "print a script that has a shell complete commands and flags",
    help: `For bash: source <(hcsctl completion bash). For fish: hcsctl completion fish | source. zsh takes bash's after
autoload -U bashcompinit && bashcompinit.`,
    flags: [],
    arity: [1, 1],
    run: async ({ arguments: [shell = ""], print }) => {
      const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
      if (script === undefined)
        throw new UsageError(`invalid shell: must be ${Object.keys(SHELLS).join(" or ")} (found "${shell}")`);
      const completed = (await commands()).map(({ name, flags }) => ({
        name,
        flags: [...flags.map((flag) => `--${flag.name}`), "--help"],
      }));
      print(script(completed));
    },
  };
}

/** Words of names, and flags, hold nothing that a shell would read otherwise: letters, digits, dashes. */
function bashCompletion(commands: readonly CompletedCommand[]): string {
  const rows = commands.map(({ name, flags }) => `  [${JSON.stringify(name)}]="${flags.join(" ")}"`);
  return `# bash completion for hcsctl; zsh takes it through bashcompinit.
declare -A _hcsctl_flags=(
${rows.join("\n")}
)

_hcsctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=() index
  for ((index = 1; index < COMP_CWORD; index++)); do
    [[ \${COMP_WORDS[index]} == -* ]] && break
    words+=("\${COMP_WORDS[index]}")
  done
  local one="\${words[0]}" two="\${words[0]} \${words[1]}" command=""
  [[ -n $one && -n \${_hcsctl_flags[$one]} ]] && command="$one"
  [[ \${#words[@]} -gt 1 && -n \${_hcsctl_flags[$two]} ]] && command="$two"
  if [[ -n $command && $current == -* ]]; then
    COMPREPLY=($(compgen -W "\${_hcsctl_flags[$command]}" -- "$current"))
    return
  fi
  local name next=()
  for name in "\${!_hcsctl_flags[@]}"; do
    if [[ \${#words[@]} -eq 0 ]]; then next+=("\${name%% *}")
    elif [[ \${#words[@]} -eq 1 && $name == "$one "* ]]; then next+=("\${name#* }")
    fi
  done
  COMPREPLY=($(compgen -W "\${next[*]}" -- "$current" | sort -u))
  # Behind a command stand ids and files of this machine.
  [[ \${#COMPREPLY[@]} -gt 0 || \${#words[@]} -eq 0 ]] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _hcsctl hcsctl
`;
}

function fishCompletion(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ name, flags }) => {
    const [first = "", second] = name.split(" ");
    const seen = second === undefined ? first : `${first}; and __fish_seen_subcommand_from ${second}`;
    const before =
      second === undefined
        ? "__fish_use_subcommand"
        : `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${second}`;
    return [
      ...(second === undefined ? [] : [`complete -c hcsctl -f -n __fish_use_subcommand -a ${first}`]),
      `complete -c hcsctl -f -n '${before}' -a ${second ?? first}`,
      ...flags.map(
        (flag) => `complete -c hcsctl -n '__fish_seen_subcommand_from ${seen}' -l ${flag.replace(/^--/, "")}`,
      ),
    ];
  });
  return `# fish completion for hcsctl.\n${[...new Set(lines)].join("\n")}\n`;
}
