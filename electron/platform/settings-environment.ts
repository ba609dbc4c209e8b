/** What commands of this machine need to be found and to work; nothing else of the environment is passed on. */
const NAMES = [
  'PATH',
  'TZ',
  'SystemRoot',
  'windir',
  'ComSpec',
  'PATHEXT',
  'TEMP',
  'VBOX_MSI_INSTALL_PATH',
  'VBOX_INSTALL_PATH',
]

export function commandEnvironment(): Record<string, string> {
  return Object.fromEntries(
    NAMES.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}
