import { Argument, type Command } from 'commander'
import type { Cli } from './command'

const shells = ['bash', 'zsh', 'fish'] as const

/** `edge restore` -> what may follow: subcommands and long options. The empty path is the program itself. */
function words(program: Command): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const visit = (command: Command, path: string[]): void => {
    const options = command.options.map(({ long }) => long).filter((long): long is string => typeof long === 'string')
    found.set(path.join(' '), [...command.commands.map((sub) => sub.name()), ...options, '--help'])
    for (const sub of command.commands) visit(sub, [...path, sub.name()])
  }
  visit(program, [])
  return found
}

export function addCompletion(cli: Cli, program: Command): void {
  const completion = cli.add(
    program,
    'completion',
    'print a completion script: source <(holdfast completion bash)',
    async (context, [shell = '']) => {
      const script = { bash, zsh, fish }[shell as (typeof shells)[number]](words(program))
      context.print({ shell, script }, () => script)
    },
  )
  completion.addArgument(new Argument('<shell>').choices(shells))
}

/** The path of subcommands typed so far; words that are no subcommand (names, values) are passed over. */
function bash(found: Map<string, string[]>): string {
  const cases = [...found].map(([path, next]) => `    '${path}') words='${next.join(' ')}' ;;`)
  const groups = [...found.keys()].filter((path) => path !== '').map((path) => `'${path}'`)
  return `_holdfast() {
  local path='' word words next
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${path:+$path }$word"
    case "$next" in
      ${groups.join('|')}) path="$next" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -gt 0 ] || compopt -o default 2>/dev/null
}
complete -F _holdfast holdfast
`
}

const zsh = (found: Map<string, string[]>): string => `autoload -U +X bashcompinit && bashcompinit\n${bash(found)}`

function fish(found: Map<string, string[]>): string {
  const lines = [...found].flatMap(([path, next]) => {
    const parts = path === '' ? [] : path.split(' ')
    const condition =
      path === '' ? '__fish_use_subcommand' : parts.map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ')
    return next.map((word) =>
      word.startsWith('--')
        ? `complete -c holdfast -n '${condition}' -l ${word.slice(2)}`
        : `complete -c holdfast -f -n '${condition}${parts.length > 0 ? `; and not __fish_seen_subcommand_from ${next.filter((name) => !name.startsWith('--')).join(' ')}` : ''}' -a ${word}`,
    )
  })
  return `${lines.join('\n')}\n`
}
