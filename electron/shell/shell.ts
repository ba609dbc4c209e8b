import { app, dialog, powerMonitor, shell as system } from 'electron'
import { closeCodes } from '../../shared/console/protocol'
import type { DesktopOperation, DesktopView } from '../../shared/console/desktop'
import type { AlertsBody } from '../../shared/console/alert-views'
import type { StatusView } from '../../shared/console/views'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import { localeOf, type Locale } from '../../shared/text/text'
import { catalogues, translate } from '../../shared/text/translate'
import { autostart, type Autostart } from './autostart'
import { confinePages, servePage } from './confining'
import { mayOpenExternal } from './guarding'
import type { ShellParts } from './host'
import { MainWindow } from './main-window'
import { DesktopMemory } from './memory'
import { alertNeeds, noNotices, placeOf, statusNeeds, stepNotices, type Need, type NoticeState } from './notices'
import { setMenu } from './menu'
import { Notifier } from './notifier'
import { PageLines } from './page-line'
import { TrayIcon } from './tray'
import { desktopHasTray } from './tray-place'
import { trayModel, type Seen } from './tray-model'
import { Updates, type Updater } from './updates'

/** The ages in the tray are told in minutes soon. */
const AGES_EVERY_MS = 30_000

export interface Shell {
  /** A person asked for the window: a second start, the dock. */
  showWindow(): void
  /** Settles when the controller has stopped and nothing is left. Safe to call twice. */
  end(): Promise<void>
}

/** The desktop around a controller. Needs `ready`. */
export function startShell(parts: ShellParts, updater: { off: string | null; load(): Promise<Updater> }): Shell {
  return new DesktopShell(parts, updater)
}

class DesktopShell implements Shell {
  readonly #parts: ShellParts
  readonly #locale: Locale = localeOf(app.getPreferredSystemLanguages()[0])
  readonly #memory: DesktopMemory
  readonly #autostart: Autostart
  readonly #lines: PageLines
  readonly #window: MainWindow
  readonly #notifier: Notifier
  readonly #updates: Updates
  #tray: TrayIcon | null = null
  #seen: Seen
  #unsubscribe: (() => void)[] = []
  /** Of the controller's topic; an edge has none. */
  #alerts: readonly Need[] = []
  #notices: NoticeState = noNotices
  #noticeTimer: Disposable | null = null
  #agesTimer: Disposable | null = null
  /** A place to open as soon as the page is there. */
  #place: Extract<Parameters<PageLines['tell']>[0], { type: 'place' }> | null = null
  #ending: Promise<void> | null = null

  constructor(parts: ShellParts, updater: { off: string | null; load(): Promise<Updater> }) {
    const { log, clock, host } = parts
    this.#parts = parts
    this.#seen = { status: null, lostSince: null, controller: host.kind }
    this.#memory = new DesktopMemory(parts.userDir, log)
    this.#autostart = autostart(parts)
    this.#notifier = new Notifier({
      locale: this.#locale,
      log,
      open: (edgeId) => this.#open(placeOf(edgeId)),
      wordsOf: (code) => (catalogues[this.#locale].need as Readonly<Record<string, string>>)[code] ?? null,
    })
    this.#updates = new Updates({ clock, log, memory: this.#memory, ...updater, changed: () => this.#viewChanged() })
    this.#lines = new PageLines({
      log,
      openLine: parts.openLine,
      perform: (op, params) => this.#perform(op, params),
      opened: () => this.#pageOpened(),
    })
    this.#window = new MainWindow({
      ...parts,
      memory: this.#memory,
      lines: this.#lines,
      hasTray: () => this.#tray !== null,
      closed: () => this.#windowClosed(),
    })
    confinePages(log)
    servePage(parts.readPage)
    setMenu()
    this.#tray = this.#makeTray()
    this.#followPower()
    host.onChange(() => this.#hostChanged())
    this.#hostChanged()
    this.#tickAges()
    if (!parts.startsHidden) this.#window.show()
    else if (this.#tray === null) this.#window.showMinimized()
    void this.#askForLogin()
  }

  showWindow(): void {
    this.#window.show()
  }

  end(): Promise<void> {
    return (this.#ending ??= this.#end())
  }

  async #end(): Promise<void> {
    this.#window.end()
    this.#noticeTimer?.[Symbol.dispose]()
    this.#agesTimer?.[Symbol.dispose]()
    this.#unfollow()
    this.#updates[Symbol.dispose]()
    this.#notifier[Symbol.dispose]()
    this.#lines[Symbol.dispose]()
    // The icon stays until the controller has stopped: as long as it is there, something runs.
    await this.#parts.host.stop()
    this.#tray?.[Symbol.dispose]()
  }

  // --- what the controller says

  #hostChanged(): void {
    const { host, caller, clock, log } = this.#parts
    this.#unfollow()
    const dispatch = host.dispatch()
    if (dispatch === null) {
      this.#lines.hangUp(closeCodes.stopping)
      // Our own one is never lost: it is about to start again, as what was chosen at the first run.
      if (host.kind === 'own') this.#saw({ ...this.#seen, status: null })
      else this.#saw({ ...this.#seen, lostSince: clock.wall() })
      return
    }
    const follow = <T>(topic: 'status' | 'alerts', heard: (body: T) => void): void => {
      const followed = dispatch.subscribe(topic, {}, caller, (body) => heard(body as T))
      if (followed.ok) this.#unsubscribe.push(followed.value)
      else log.log('error', `The topic ${topic} cannot be followed`, followed)
    }
    let followsAlerts = false
    follow<StatusView>('status', (status) => {
      this.#saw({ status, lostSince: null, controller: host.kind })
      if (followsAlerts || status.role === 'edge') return
      followsAlerts = true
      follow<AlertsBody>('alerts', (body) => {
        this.#alerts = alertNeeds(body)
        this.#stepNotices()
      })
    })
  }

  #unfollow(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe()
    this.#alerts = []
  }

  #saw(seen: Seen): void {
    this.#seen = seen
    this.#showTray()
    this.#stepNotices()
  }

  #showTray(): void {
    const model = trayModel(this.#seen, this.#locale, this.#parts.clock.wall())
    this.#tray?.show(model, this.#memory.settings.startAtLogin === true)
  }

  #stepNotices(): void {
    const { clock } = this.#parts
    this.#noticeTimer?.[Symbol.dispose]()
    this.#noticeTimer = null
    const wall = new Date(clock.wall())
    const { state, outputs, wakeAt } = stepNotices(
      this.#notices,
      {
        needs: this.#needs(),
        settings: this.#memory.settings,
        minuteOfDay: wall.getHours() * 60 + wall.getMinutes(),
      },
      clock.mono(),
    )
    this.#notices = state
    for (const output of outputs) this.#notifier.perform(output)
    const waitMs = wakeAt === null ? null : Math.max(0, wakeAt - clock.mono())
    if (waitMs !== null) this.#noticeTimer = clock.at(after(clock.mono(), waitMs), () => this.#stepNotices())
  }

  #needs(): readonly Need[] {
    const { status, lostSince } = this.#seen
    if (lostSince === null) return status === null ? [] : [...statusNeeds(status), ...this.#alerts]
    const text = trayModel(this.#seen, this.#locale, this.#parts.clock.wall()).title
    return [{ id: 'controller', severity: 'critical', code: 'controller-lost', text, edgeId: null }]
  }

  #tickAges(): void {
    const { clock } = this.#parts
    this.#agesTimer = clock.at(after(clock.mono(), AGES_EVERY_MS), () => {
      this.#showTray()
      this.#tickAges()
    })
  }

  // --- tray and window

  #makeTray(): TrayIcon | null {
    const { log, resourcesDir, environment } = this.#parts
    if (!desktopHasTray(process.platform, environment)) {
      log.log('info', 'This desktop shows no tray: the window stays in the task bar')
      return null
    }
    try {
      return new TrayIcon({
        resourcesDir,
        locale: this.#locale,
        log,
        actions: {
          open: (place, act) => this.#open(place, act),
          restore: (edge, expectedEpoch) => void this.#act('edges.restore', { ...ofEdge(edge), expectedEpoch }),
          resume: (edge) => void this.#act('edges.resume', ofEdge(edge)),
          setStartAtLogin: (on) => this.#setStartAtLogin(on),
          quit: () => app.quit(),
        },
      })
    } catch (error) {
      log.log('warn', 'There is no tray: the window stays in the task bar', failureOf(error))
      return null
    }
  }

  /** With a place: the page goes there, and opens the dialog of that action. */
  #open(place?: string, act: 'restore' | 'failover' | 'pause' | null = null): void {
    if (place !== undefined) this.#place = { type: 'place', path: place, act }
    const wasOpen = this.#window.isOpen
    this.#window.show()
    if (wasOpen) this.#tellPlace()
  }

  #tellPlace(): void {
    if (this.#place) this.#lines.tell(this.#place)
    this.#place = null
  }

  #pageOpened(): void {
    this.#viewChanged()
    this.#tellPlace()
  }

  #windowClosed(): void {
    if (this.#memory.now.toldGoesOn) return
    this.#memory.set({ toldGoesOn: true })
    const words = this.#tray
      ? (['goesOn', 'goesOnText'] as const)
      : (['goesOnWithoutTray', 'goesOnWithoutTrayText'] as const)
    this.#notifier.say('goes-on', this.#say(`desktop.${words[0]}`), this.#say(`desktop.${words[1]}`))
  }

  async #act(op: 'edges.restore' | 'edges.resume', params: Record<string, unknown>): Promise<void> {
    const { host, caller } = this.#parts
    const result = await host.dispatch()?.call(op, params, caller)
    if (!result || result.ok) return
    this.#notifier.say('failed', this.#say('desktop.failed'), [result.message, result.hint ?? ''].join('\n').trim())
  }

  async #askForLogin(): Promise<void> {
    if (this.#memory.settings.startAtLogin !== null || !this.#autostart.isPossible || this.#parts.startsHidden) return
    const { response } = await dialog.showMessageBox({
      type: 'question',
      message: this.#say('desktop.askLogin'),
      detail: this.#say('desktop.askLoginText'),
      buttons: [this.#say('desktop.yes'), this.#say('desktop.no')],
      defaultId: 0,
      cancelId: 1,
    })
    if (this.#ending === null) this.#setStartAtLogin(response === 0)
  }

  #setStartAtLogin(on: boolean): void {
    try {
      this.#autostart.set(on)
      this.#memory.set({ settings: { startAtLogin: on } })
    } catch (error) {
      this.#notifier.say('failed', this.#say('desktop.failed'), failureOf(error).message)
    }
    this.#showTray()
    this.#viewChanged()
  }

  #say(key: Parameters<typeof translate>[1]): string {
    return translate(this.#locale, key)
  }

  // --- what the page asks of the desktop

  async #perform(op: DesktopOperation, params: unknown): Promise<DesktopView> {
    switch (op) {
      case 'desktop.get':
        break
      case 'desktop.set': {
        const { startAtLogin, ...settings } = params as Partial<DesktopView['settings']>
        this.#memory.set({ settings })
        if (typeof startAtLogin === 'boolean') this.#setStartAtLogin(startAtLogin)
        this.#stepNotices()
        this.#viewChanged()
        break
      }
      case 'desktop.openExternal': {
        const { url } = params as { url: string }
        if (!mayOpenExternal(url)) throw new HoldfastError('forbidden', 'This address may not be opened from here.')
        await system.openExternal(url)
        break
      }
      case 'desktop.checkUpdate':
        await this.#updates.check()
        break
      case 'desktop.fetchUpdate':
        await this.#updates.fetch()
        break
      case 'desktop.installUpdate':
        if (this.#updates.view.state !== 'ready') throw new HoldfastError('conflict', 'No version is ready.')
        // After the answer: the page hears it before its window goes.
        setImmediate(() => void this.end().then(() => this.#updates.install()))
    }
    return this.#view()
  }

  #view(): DesktopView {
    return {
      settings: this.#memory.settings,
      hasTray: this.#tray !== null,
      secrets: this.#parts.secrets,
      canStartAtLogin: this.#autostart.isPossible,
      controller: this.#parts.host.kind,
      update: this.#updates.view,
    }
  }

  #viewChanged(): void {
    this.#lines.tell({ type: 'view', view: this.#view() })
  }

  // --- the system

  #followPower(): void {
    const { log, host } = this.#parts
    powerMonitor.on('suspend', () => log.log('info', 'The machine goes to sleep'))
    powerMonitor.on('resume', () => {
      log.log('info', 'The machine is awake again')
      host.slept()
    })
    // Not on Windows, which ends programs by itself.
    powerMonitor.on('shutdown', () => app.quit())
  }
}

const ofEdge = (edge: string): { edge?: string } => (edge === '' ? {} : { edge })
