import { Notification } from 'electron'
import type { Locale } from '../../shared/text/text'
import { age, translate } from '../../shared/text/translate'
import type { Logger } from '../platform/ports'
import type { Notice, NoticeOutput } from './notices'

export interface NotifierOptions {
  readonly locale: Locale
  readonly log: Logger
  /** Opens the place a notice is about; null: the overview. */
  open(edgeId: string | null): void
  /** A need in the viewer's language, where the catalogue has one. */
  wordsOf(code: string): string | null
}

/** The desktop's notifications: at most one for each incident. */
export class Notifier implements Disposable {
  readonly #options: NotifierOptions
  /** Kept: a notification without a reference is collected, and its click with it. */
  readonly #shown = new Map<string, Notification>()

  constructor(options: NotifierOptions) {
    this.#options = options
  }

  perform(output: NoticeOutput): void {
    if (output.type === 'forget') return this.#close(output.key)
    const { notice } = output
    const { title, body } = output.type === 'recover' ? this.#recovery(notice) : this.#trouble(notice)
    this.#show(notice.key, {
      title,
      body,
      silent: output.type !== 'show',
      urgency: output.type === 'show' && notice.severity === 'critical' ? 'critical' : 'normal',
      // Trouble stays until it is over or seen; its end does not wait for anybody.
      timeoutType: output.type === 'recover' ? 'default' : 'never',
      ...{ id: `holdfast-${notice.key}`, edgeId: notice.edgeId },
    })
  }

  /** A word of the program's own, beside the incidents. */
  say(key: string, title: string, body: string, edgeId: string | null = null): void {
    this.#show(key, { title, body, silent: true, ...{ id: `holdfast-${key}`, edgeId } })
  }

  #show(
    key: string,
    { edgeId, ...options }: Electron.NotificationConstructorOptions & { edgeId: string | null },
  ): void {
    if (!Notification.isSupported()) return
    this.#close(key)
    const notification = new Notification(options)
    notification.on('click', () => {
      this.#shown.delete(key)
      this.#options.open(edgeId)
    })
    notification.on('failed', (_event, error) =>
      this.#options.log.log('warn', 'A notification could not be shown', { error }),
    )
    this.#shown.set(key, notification)
    notification.show()
  }

  #close(key: string): void {
    this.#shown.get(key)?.close()
    this.#shown.delete(key)
  }

  #trouble({ class: kind, needs }: Notice): { title: string; body: string } {
    const { locale } = this.#options
    const [first] = needs
    const text = first ? this.#words(first) : ''
    const more = needs.length - 1
    return {
      title: translate(locale, `notice.${kind}`),
      body: more > 0 ? translate(locale, 'notice.many', { first: text, n: more }) : text,
    }
  }

  #recovery({ needs, lastedMs }: Notice): { title: string; body: string } {
    const { locale } = this.#options
    const what = needs[0] ? this.#words(needs[0]) : ''
    return {
      title: translate(locale, 'notice.recovered'),
      body: translate(locale, 'notice.recoveredAfter', { what, age: age(locale, lastedMs) }),
    }
  }

  #words(need: { readonly code: string; readonly text: string }): string {
    return this.#options.locale === 'en' ? need.text : (this.#options.wordsOf(need.code) ?? need.text)
  }

  [Symbol.dispose](): void {
    for (const key of [...this.#shown.keys()]) this.#close(key)
  }
}
