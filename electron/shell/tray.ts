import { existsSync } from 'node:fs'
import path from 'node:path'
import { Menu, nativeImage, nativeTheme, Tray, type MenuItemConstructorOptions } from 'electron'
import type { Locale } from '../../shared/text/text'
import { translate } from '../../shared/text/translate'
import type { Logger } from '../platform/ports'
import { tooltipOf, trayImage, trayTheme, type TrayModel } from './tray-model'

export interface TrayActions {
  open(place?: string, act?: 'restore' | 'failover' | 'pause'): void
  restore(edge: string, expectedEpoch: number): void
  resume(edge: string): void
  setStartAtLogin(on: boolean): void
  quit(): void
}

export interface TrayOptions {
  readonly resourcesDir: string
  readonly locale: Locale
  readonly log: Logger
  readonly actions: TrayActions
}

/** The icon and its menu, drawn anew only when something of them changes. */
export class TrayIcon implements Disposable {
  readonly #options: TrayOptions
  readonly #tray: Tray
  #shown = ''
  #model: TrayModel | null = null
  #startsAtLogin = false

  /** Throws where the desktop has no tray. */
  constructor(options: TrayOptions) {
    this.#options = options
    this.#tray = new Tray(this.#image('working'))
    this.#tray.on('click', () => options.actions.open())
    nativeTheme.on('updated', this.#redraw)
  }

  show(model: TrayModel, startsAtLogin: boolean): void {
    this.#model = model
    this.#startsAtLogin = startsAtLogin
    const next = JSON.stringify([model, startsAtLogin])
    if (next === this.#shown) return
    this.#shown = next
    this.#redraw()
  }

  readonly #redraw = (): void => {
    const model = this.#model
    if (!model) return
    this.#tray.setImage(this.#image(model.state))
    this.#tray.setToolTip(tooltipOf(model))
    this.#tray.setContextMenu(Menu.buildFromTemplate(this.#menu(model)))
  }

  #menu(model: TrayModel): MenuItemConstructorOptions[] {
    const { actions, locale } = this.#options
    const { restore, failover, pause, resume } = model
    return [
      { id: 'title', label: model.title, enabled: false },
      ...model.facts.map((label, index) => ({ id: `fact-${index}`, label, enabled: false })),
      { type: 'separator' },
      { id: 'open', label: translate(locale, 'tray.open'), click: () => actions.open() },
      { type: 'separator' },
      {
        id: 'restore',
        label: translate(locale, 'tray.restore'),
        enabled: restore !== null,
        click() {
          if (restore === null) return
          if ('place' in restore) actions.open(restore.place, 'restore')
          else actions.restore(restore.edge, restore.expectedEpoch)
        },
      },
      {
        id: 'failover',
        label: translate(locale, 'tray.failover'),
        enabled: failover !== null,
        click: () => failover && actions.open(failover.place, 'failover'),
      },
      resume === null
        ? {
            id: 'pause',
            label: translate(locale, 'tray.pause'),
            enabled: pause !== null,
            click: () => pause && actions.open(pause.place, 'pause'),
          }
        : { id: 'resume', label: translate(locale, 'tray.resume'), click: () => actions.resume(resume.edge) },
      { type: 'separator' },
      {
        id: 'start-at-login',
        type: 'checkbox',
        label: translate(locale, 'tray.startAtLogin'),
        checked: this.#startsAtLogin,
        click: ({ checked }) => actions.setStartAtLogin(checked),
      },
      { id: 'quit', label: translate(locale, 'tray.quit', { what: model.stops }), click: () => actions.quit() },
    ]
  }

  /** The 2x image beside the file is found by Electron. */
  #image(state: TrayModel['state']): Electron.NativeImage {
    const theme = trayTheme(process.platform, nativeTheme.shouldUseDarkColors)
    const file = path.join(this.#options.resourcesDir, trayImage(state, theme))
    if (!existsSync(file)) this.#options.log.log('debug', 'A tray image is missing', { file })
    const image = nativeImage.createFromPath(file)
    if (theme === 'template') image.setTemplateImage(true)
    return image
  }

  [Symbol.dispose](): void {
    nativeTheme.off('updated', this.#redraw)
    this.#tray.destroy()
  }
}
