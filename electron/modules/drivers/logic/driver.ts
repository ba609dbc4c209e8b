import { z } from 'zod'
import { HoldfastError } from '../../../../shared/model/failures'
import {
  defineDriver,
  type DriverContext,
  type DriverInstance,
  type Json,
  type Link,
  type PeerView,
  type Turn,
} from '../../contract'
import { aggregate, all, any, heldLongEnough, holds, judged, valueOf, type Held, type RuleState } from './rules'
import {
  conditionsOf,
  logicSettings,
  watchedModules,
  type Computed,
  type Condition,
  type LogicSettings,
  type Rule,
} from './settings'

/** Rules that may be carried out at once; the next one is left out and said so. */
const runningMax = 20

/** Looks at other modules and calls their methods. Variables: the computed ones, `lastRule`, `lastError` and `suspended`. */
class Logic implements DriverInstance {
  readonly #context: DriverContext<LogicSettings>
  readonly #views = new Map<string, PeerView>()
  readonly #rules: readonly { rule: Rule; held: Held[] }[]
  readonly #states = new Map<string, RuleState>()
  #link: Link | null = null
  #stopWatching: readonly (() => void)[] = []
  #cancelWake = () => {}
  #running = 0

  constructor(context: DriverContext<LogicSettings>) {
    this.#context = context
    this.#rules = context.settings.rules.map((rule) => ({
      rule,
      held: conditionsOf(rule).map(() => ({ trueSince: null })),
    }))
  }

  async connect(link: Link): Promise<void> {
    this.#link = link
    this.#context.setStatus('suspended', [])
    this.#stopWatching = [...watchedModules(this.#context.settings)].map((id) =>
      this.#context.peers.watch(id, (view) => {
        this.#views.set(id, view)
        this.#evaluate()
      }),
    )
    this.#evaluate()
  }

  async disconnect(): Promise<void> {
    this.#link = null
    for (const stop of this.#stopWatching) stop()
    this.#stopWatching = []
    this.#cancelWake()
    // What was true before the gate closed says nothing about what was missed since.
    this.#views.clear()
    this.#states.clear()
    for (const { held } of this.#rules) held.fill({ trueSince: null })
  }

  async execute(method: string, params: never, turn: Turn): Promise<Json> {
    if (method !== 'run') throw new HoldfastError('not-found', `there is no method ${method}`)
    const { rule: name } = params as { rule: string }
    const found = this.#rules.find(({ rule }) => rule.name === name)
    if (!found) throw new HoldfastError('invalid', `there is no rule ${name}`)
    for (const one of found.rule.do) await this.#context.peers.execute(one.module, one.method, one.args, turn)
    return { rule: name, actions: found.rule.do.length }
  }

  #evaluate(): void {
    const link = this.#link
    if (!link) return
    const now = this.#context.mono()
    const wakes: number[] = []
    for (const { rule, held } of this.#rules) {
      const verdicts = conditionsOf(rule).map((condition, at) => {
        const next = heldLongEnough(held[at] ?? { trueSince: null }, this.#verdict(condition), condition.forMs, now)
        held[at] = next.held
        if (next.wakeAt !== null) wakes.push(next.wakeAt)
        return next.verdict
      })
      const next = judged(this.#states.get(rule.name) ?? { last: null, firedAt: [] }, all(verdicts), now, rule)
      this.#states.set(rule.name, next.state)
      if (next.outcome === 'fire') void this.#fire(rule, link)
      if (next.outcome === 'suspend') this.#suspend(rule)
    }
    for (const [name, one] of Object.entries(this.#context.settings.computed))
      this.#context.setStatus(name, this.#computed(one))
    this.#cancelWake()
    if (wakes.length > 0)
      this.#cancelWake = this.#context.after(Math.max(1, Math.ceil(Math.min(...wakes) - now)), () => this.#evaluate())
  }

  #verdict(condition: Condition) {
    return holds(condition, valueOf(this.#views, condition))
  }

  #computed(one: Computed): Json {
    if ('all' in one) return all(one.all.map((condition) => this.#verdict(condition)))
    if ('any' in one) return any(one.any.map((condition) => this.#verdict(condition)))
    if ('copy' in one) return valueOf(this.#views, one.copy) ?? null
    return aggregate(
      one.of,
      one.from.map((source) => valueOf(this.#views, source)),
    )
  }

  async #fire(rule: Rule, link: Link): Promise<void> {
    if (this.#running >= runningMax)
      return this.#context.debug('error', `${rule.name}: left out, ${runningMax} rules are being carried out`)
    this.#running += 1
    this.#context.setStatus('lastRule', { name: rule.name, at: Math.round(this.#context.wall()) })
    this.#context.debug('info', `${rule.name}: fires`)
    try {
      for (const one of rule.do) {
        // Between two actions control may have changed hands.
        if (link.signal.aborted) return
        await this.#context.peers.execute(one.module, one.method, one.args)
      }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      this.#context.debug('error', `${rule.name}: ${text}`)
      this.#context.setStatus('lastError', { rule: rule.name, text, at: Math.round(this.#context.wall()) })
    } finally {
      this.#running -= 1
    }
  }

  /** The rule fired too often: it says so and rests until its window has passed. */
  #suspend(rule: Rule): void {
    const suspended = this.#context.status('suspended')
    const others = (Array.isArray(suspended) ? suspended : []).filter((name) => name !== rule.name)
    this.#context.setStatus('suspended', [...others, rule.name])
    this.#context.debug('error', `${rule.name}: fired ${rule.firesMax} times in ${rule.windowMs} ms and rests`)
    this.#context.after(rule.windowMs, () => {
      const names = this.#context.status('suspended')
      this.#context.setStatus('suspended', Array.isArray(names) ? names.filter((name) => name !== rule.name) : [])
    })
  }
}

export const logic = defineDriver({
  name: 'logic',
  title: 'Rules between modules',
  role: 'logic',
  uri: null,
  settings: logicSettings,
  methods: {},
  methodsOf({ rules }) {
    const [first, ...others] = rules.map(({ name }) => name)
    if (first === undefined) return {}
    const params = z.strictObject({ rule: z.enum([first, ...others]) })
    return { run: { title: 'Carry out a rule now', changesDevice: true, params } }
  },
  create: (context) => new Logic(context),
})
