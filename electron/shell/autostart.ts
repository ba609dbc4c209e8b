import { mkdirSync, rmSync, writeFileSync, existsSync } from 'node:fs'
import path from 'node:path'
import { app } from 'electron'
import type { ShellParts } from './host'

/** Whether the system starts this program when its person logs in. */
export interface Autostart {
  /** False: the system has no such thing that this program knows. */
  readonly isPossible: boolean
  isOn(): boolean
  /** Throws when the system refuses. */
  set(on: boolean): void
}

export const HIDDEN_FLAG = '--hidden'

export function autostart(parts: Pick<ShellParts, 'command' | 'environment'>): Autostart {
  if (process.platform === 'linux') return desktopEntry(parts)
  const args = [...parts.command.args, HIDDEN_FLAG]
  return {
    isPossible: true,
    isOn: () => app.getLoginItemSettings({ args }).openAtLogin,
    set: (openAtLogin) => app.setLoginItemSettings({ openAtLogin, args }),
  }
}

/** What desktops of Linux agree on: a file in the autostart folder. An AppImage is started by its own path, not by where it is unpacked now. */
function desktopEntry({ command, environment }: Pick<ShellParts, 'command' | 'environment'>): Autostart {
  const folder = path.join(environment['XDG_CONFIG_HOME'] || path.join(app.getPath('home'), '.config'), 'autostart')
  const file = path.join(folder, 'holdfast.desktop')
  const executable = environment['APPIMAGE'] ?? command.executable
  return {
    isPossible: true,
    isOn: () => existsSync(file),
    set(on) {
      if (!on) return rmSync(file, { force: true })
      mkdirSync(folder, { recursive: true })
      writeFileSync(file, entryText([executable, ...command.args, HIDDEN_FLAG]))
    },
  }
}

const entryText = (command: readonly string[]): string =>
  [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Holdfast',
    `Exec=${command.map(quoted).join(' ')}`,
    'X-GNOME-Autostart-enabled=true',
    'Terminal=false',
    '',
  ].join('\n')

/** By the rules of the Exec key: quoted, with `"`, backtick, `$` and backslash escaped; the file format escapes backslashes once more; `%` is doubled. */
export function quoted(argument: string): string {
  const inner = argument.replace(/["`$\\]/g, (char) => `\\${char}`)
  return `"${inner.replace(/\\/g, '\\\\').replace(/%/g, '%%')}"`
}
