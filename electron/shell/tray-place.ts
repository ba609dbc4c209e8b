/**
 * False where a tray icon would go to nobody: GNOME shows none without an extension, and takes it without a complaint. Its extension announces itself on no way that
 * a program without D-Bus can hear, so the person says it: `HOLDFAST_TRAY=1` (or `0`).
 */
export function desktopHasTray(platform: string, environment: Readonly<Record<string, string | undefined>>): boolean {
  const said = environment['HOLDFAST_TRAY']
  if (said === '0' || said === '1') return said === '1'
  if (platform !== 'linux') return true
  const desktops = (environment['XDG_CURRENT_DESKTOP'] ?? '').split(':')
  // Ubuntu ships the extension and names itself beside GNOME.
  return !(desktops.includes('GNOME') && !desktops.some((name) => /^(ubuntu|pop|zorin)$/i.test(name)))
}
