import type { AlertIncident } from '../../shared/console/alert-views'
import type { ChannelView } from '../../shared/console/channel-operations'
import { suggestedId } from '../../shared/model/document-id'
import type { ChannelDocument } from '../../shared/model/documents'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { OperationHandlers } from '../console/operations'
import type { Journal } from '../journal/journal'
import type { NotifyStore } from '../notify/notify'
import { AlertChannel, type ChannelOptions } from './alert-channel'
import { edited } from './alert-operations'
import type { Alerts } from './alerts'
import { refusalOf } from './refusal'

/** Changes come in bursts: thousands of links may be lost in one turn. */
const LOOK_AFTER_MS = 500
/** What waits for an instant of the calendar is looked at so often: the calendar may be set. */
const LOOK_EVERY_MS = 60_000

export interface AlertChannelsOptions extends Omit<ChannelOptions, 'store' | 'watchOf' | 'lookSoon'> {
  /** Asked once, when there is a channel. Throws `HoldfastError('storage')`. */
  openStore(): NotifyStore
  readonly journal: Journal
  readonly alerts: Pick<Alerts, 'active' | 'onShown' | 'watchOf'>
  /** One that is over, perhaps; null: it is not kept any more. */
  kept(alertId: string): AlertIncident | null
}

/** All channels, as the documents have them. Without one it costs nothing. */
export class AlertChannels {
  readonly #options: AlertChannelsOptions
  readonly #channels = new Map<string, AlertChannel>()
  readonly #ending = new Set<Promise<void>>()
  #store: NotifyStore | null = null
  #timer: Disposable | null = null
  #unsubscribe: (() => void)[] = []
  /** Why channels could not be opened, as the log has it; null: they could. */
  #told: string | null = null
  #ended = false

  constructor(options: AlertChannelsOptions) {
    this.#options = options
  }

  start(): void {
    const { journal, alerts } = this.#options
    this.#unsubscribe = [
      alerts.onShown(() => this.#lookIn(LOOK_AFTER_MS)),
      journal.onChange(({ changed }) => {
        if (changed.some(({ kind }) => kind === 'channel')) this.#follow()
      }),
    ]
    this.#follow()
  }

  /** Throws `HoldfastError('storage')` when what this channel tells could not be kept. */
  requireStore(id: string): void {
    this.#store ??= this.#options.openStore()
    this.#store.totals(id)
  }

  get(id: string): AlertChannel | null {
    return this.#channels.get(id) ?? null
  }

  /** What waits is tried now: a secret may be another one. */
  retry(): void {
    for (const channel of this.#channels.values()) {
      try {
        channel.follow(channel.document)
      } catch (error) {
        // Whoever has set the secret has set it.
        this.#options.logger.log('error', 'A channel could not be tried again', {
          channel: channel.document.id,
          reason: failureOf(error).message,
        })
      }
    }
  }

  views(): ChannelView[] {
    const { journal } = this.#options
    return [...this.#channels].map(([id, channel]) => channel.view(journal.get('channel', id)?.revision ?? 0))
  }

  async end(): Promise<void> {
    this.#ended = true
    for (const off of this.#unsubscribe) off()
    this.#timer?.[Symbol.dispose]()
    await Promise.all([...[...this.#channels.values()].map((channel) => channel.end()), ...this.#ending])
    await this.#store?.[Symbol.asyncDispose]()
  }

  #follow(): void {
    try {
      this.#followDocuments()
      this.#told = null
      this.#lookIn(LOOK_AFTER_MS)
    } catch (error) {
      // Tried again with a later look: nothing that people are told may harm what they are told of.
      const reason = failureOf(error).message
      if (reason !== this.#told) this.#options.logger.log('error', 'Channels could not be opened', { reason })
      this.#told = reason
      this.#lookIn(LOOK_EVERY_MS)
    }
  }

  #followDocuments(): void {
    const documents = new Map(this.#options.journal.list('channel').map(({ id, body }) => [id, body]))
    for (const [id, channel] of this.#channels) {
      if (documents.has(id)) continue
      this.#channels.delete(id)
      const ended = channel.end().finally(() => {
        this.#ending.delete(ended)
        if (!this.#channels.has(id)) this.#forget(id)
      })
      this.#ending.add(ended)
    }
    for (const [id, document] of documents) {
      const known = this.#channels.get(id)
      if (known === undefined) this.#channels.set(id, this.#opened(document))
      else if (known.document !== document) known.follow(document)
    }
  }

  #opened(document: ChannelDocument): AlertChannel {
    const { alerts, ...options } = this.#options
    this.#store ??= options.openStore()
    return new AlertChannel(document, {
      ...options,
      store: this.#store,
      watchOf: (ruleId) => alerts.watchOf(ruleId),
      lookSoon: () => this.#lookIn(0),
    })
  }

  #forget(id: string): void {
    try {
      this.#store?.forget(id)
    } catch (error) {
      this.#options.logger.log('warn', 'What a channel had told could not be forgotten', {
        reason: failureOf(error).message,
      })
    }
  }

  #look(): void {
    const { alerts, kept, clock, logger } = this.#options
    if (this.#channels.size < this.#options.journal.list('channel').length) this.#follow()
    if (this.#channels.size === 0) return
    const open = alerts.active().filter(({ state }) => state !== 'pending')
    const known = new Map(open.map((alert) => [alert.id, alert]))
    let nextAt = Infinity
    for (const channel of this.#channels.values()) {
      try {
        const own = new Map(known)
        for (const id of channel.toldIds) {
          const alert = known.get(id) ?? kept(id)
          if (alert !== null) own.set(id, alert)
        }
        nextAt = Math.min(nextAt, channel.look(own) ?? Infinity)
      } catch (error) {
        logger.log('error', 'A channel could not tell of alerts', {
          channel: channel.document.id,
          reason: failureOf(error).message,
        })
        nextAt = Math.min(nextAt, clock.wall() + LOOK_EVERY_MS)
      }
    }
    if (nextAt < Infinity) this.#lookIn(Math.min(LOOK_EVERY_MS, Math.max(0, nextAt - clock.wall())))
  }

  #nextLookAt = Infinity

  /** At the latest then. */
  #lookIn(delayMs: number): void {
    if (this.#ended) return
    const { clock, journal } = this.#options
    if (this.#channels.size === 0 && journal.list('channel').length === 0) return
    const at = after(clock.mono(), delayMs)
    if (this.#timer !== null && this.#nextLookAt <= at) return
    this.#timer?.[Symbol.dispose]()
    this.#nextLookAt = at
    this.#timer = clock.at(at, () => {
      this.#timer = null
      this.#look()
    })
  }
}

type ChannelHandlers = Pick<OperationHandlers, Extract<keyof OperationHandlers, `channels.${string}`>>

export function channelOperations(channels: AlertChannels, journal: Journal): ChannelHandlers {
  const known = (reference: string) =>
    journal.list('channel').find(({ id, body }) => id === reference || body.name === reference)?.body ?? null
  const required = (reference: string): ChannelDocument => {
    const found = known(reference)
    if (found !== null) return found
    throw new HoldfastError('not-found', `There is no channel "${reference}".`, {
      hint: 'holdfast channel list shows them; holdfast channel set NAME --create type=email ... makes one.',
    })
  }
  const opened = (id: string): AlertChannel => {
    const channel = channels.get(id)
    if (channel !== null) return channel
    throw new HoldfastError('storage', 'The file of the channels cannot be opened; the log says why.', {
      hint: 'Put the file master/channels.db back from a copy, or move it away: what was told of alerts is lost with it, the channels are not.',
    })
  }
  return {
    'channels.list': () => channels.views(),
    'channels.save': ({ channel, values, create, revision }, { actor }) => {
      const found = known(channel) ?? (create ? null : required(channel))
      const base = found ?? { id: suggestedId('channel', channel), name: channel }
      // First: a document that is stored while the answer says that it is not would be half a channel.
      channels.requireStore(base.id)
      const outcome = journal.change([edited(journal, 'channel', base, values, revision)], { actor })
      if (!outcome.ok) throw refusalOf(outcome)
      const changed = outcome.differences.some(({ op }) => op !== 'same')
      return { view: opened(base.id).view(journal.get('channel', base.id)?.revision ?? 0), changed }
    },
    'channels.remove': ({ channel }, { actor }) => {
      const outcome = journal.change([{ op: 'delete', kind: 'channel', id: required(channel).id }], { actor })
      if (!outcome.ok) throw refusalOf(outcome)
      return {}
    },
    'channels.test': ({ channel }) => opened(required(channel).id).test(),
  }
}
