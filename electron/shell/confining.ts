import { app, protocol, session, shell } from 'electron'
import { WINDOW_ORIGIN, WINDOW_SCHEME } from '../../shared/console/window-bridge'
import type { Logger } from '../platform/ports'
import { isOwnPage, mayOpenExternal, mayUse } from './guarding'
import type { ShellParts } from './host'

/** Before `ready`: the page's own scheme, with an origin as good as that of a site under https. */
export function registerPageScheme(): void {
  const privileges = { standard: true, secure: true, supportFetchAPI: true, codeCache: true }
  protocol.registerSchemesAsPrivileged([{ scheme: WINDOW_SCHEME, privileges }])
}

/** The built page under `app://holdfast/`, read only. */
export function servePage(readPage: ShellParts['readPage']): void {
  protocol.handle(WINDOW_SCHEME, async ({ url, method }) => {
    const isRead = method === 'GET' || method === 'HEAD'
    const { status, headers, body } = await readPage(isOwnPage(url) && isRead ? pathOf(url) : '/../')
    const content = typeof body === 'string' ? body : new Uint8Array(body)
    return new Response(method === 'HEAD' ? null : content, { status, headers })
  })
}

/** As it was asked for: `URL` would resolve what no page of ours asks for. */
const pathOf = (url: string): string => (url.slice(WINDOW_ORIGIN.length).split(/[?#]/)[0] ?? '') || '/'

/** What pages may do by themselves is nothing, whichever window they are in. */
export function confinePages(log: Logger): void {
  const own = session.defaultSession
  own.setPermissionCheckHandler((_contents, permission, origin) => mayUse(permission, origin))
  own.setPermissionRequestHandler((_contents, permission, answer, { requestingUrl }) =>
    answer(mayUse(permission, requestingUrl)),
  )
  own.setDevicePermissionHandler(() => false)
  own.setDisplayMediaRequestHandler((_request, answer) => answer({}))
  own.on('will-download', (event, item) => {
    // Exports are made in the page and saved where the person says.
    if (item.getURL().startsWith(`blob:${WINDOW_ORIGIN}/`)) return
    event.preventDefault()
    refused('download', item.getURL())
  })
  const refused = (what: string, url: string): void =>
    log.log('warn', 'The page was kept from what it may not do', { what, url: url.slice(0, 200) })
  app.on('web-contents-created', (_event, contents) => {
    const refuse = (what: string) => (event: { readonly url: string; preventDefault(): void }) => {
      // The page has no frames, so that nothing may load in one.
      if (what !== 'frame' && isOwnPage(event.url)) return
      event.preventDefault()
      refused(what, event.url)
    }
    contents.on('will-navigate', refuse('navigation'))
    contents.on('will-redirect', refuse('redirect'))
    contents.on('will-frame-navigate', (event) => {
      if (!event.isMainFrame) refuse('frame')(event)
    })
    contents.on('will-attach-webview', (event) => event.preventDefault())
    contents.setWindowOpenHandler(({ url }) => {
      if (mayOpenExternal(url)) void shell.openExternal(url)
      else refused('window', url)
      return { action: 'deny' }
    })
  })
}
