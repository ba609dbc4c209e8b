import type { Socket } from 'node:net'
import { z } from 'zod'
import { defineDriver, type Driver } from '../../../electron/modules/contract'
import { misdeeds, spin } from './misdeeds'

/** Drives nothing, shows that it runs: `starts` counts its lives over restarts. */
const quiet = defineDriver({
  name: 'quiet',
  title: 'Quiet',
  role: 'device',
  uri: null,
  settings: z.object({ note: z.string().optional() }),
  methods: {
    echo: { title: 'Echo', changesDevice: false, params: z.object({ text: z.string().max(20) }) },
    count: { title: 'Count', changesDevice: true, params: z.object({}) },
    wait: { title: 'Wait', changesDevice: true, params: z.object({ ms: z.number() }) },
    show: { title: 'Show', changesDevice: true, params: z.object({ name: z.string(), value: z.json() }) },
  },
  create(context) {
    const before = context.status('starts')
    context.setStatus('starts', (typeof before === 'number' ? before : 0) + 1)
    if (context.settings.note === 'timed') context.setStatus('createdAt', performance.now())
    let calls = 0
    return {
      connect: async () => {},
      disconnect: async () => context.debug('info', 'disconnected'),
      async execute(method, params: { text: string; ms: number; name: string; value: string }) {
        if (method === 'echo') return params.text
        if (method === 'wait') return new Promise((resolve) => setTimeout(() => resolve('waited'), params.ms))
        if (method === 'show') context.setStatus(params.name, params.value)
        return ++calls
      },
    }
  },
})

/** Writes `W <epoch> <number>` to a TCP server again and again, and `C <epoch> <text>` for commands, one at a time. */
const writer = defineDriver({
  name: 'writer',
  title: 'Writer',
  role: 'device',
  uri: { schemes: ['tcp'], defaultPort: null, example: 'tcp://127.0.0.1:4000' },
  settings: z.object({ everyMs: z.number().default(20), spinAfterMs: z.number().optional() }),
  methods: {
    send: { title: 'Send', changesDevice: true, params: z.object({ text: z.string(), slowMs: z.number().default(0) }) },
  },
  create(context) {
    let socket: Socket | null = null
    let queue: Promise<unknown> = Promise.resolve()
    let number = 0
    return {
      async connect(link) {
        const { host = '', port = 0 } = context.uri ?? {}
        const opened = await link.tcp({ host, port })
        socket = opened
        opened.on('close', () => context.lost(new Error('The device hung up.')))
        link.poll(context.settings.everyMs, async ({ gate }) => {
          gate.write(() => opened.write(`W ${gate.epoch} ${++number}\n`))
        })
        if (context.settings.spinAfterMs !== undefined) setTimeout(spin, context.settings.spinAfterMs)
      },
      async disconnect() {
        socket?.destroy()
        socket = null
      },
      execute(_method, { text, slowMs }: { text: string; slowMs: number }, turn) {
        const work = queue.then(async () => {
          await new Promise((resolve) => setTimeout(resolve, slowMs))
          turn.gate.write(() => socket?.write(`C ${turn.gate.epoch} ${text}\n`))
          return text
        })
        queue = work.catch(() => {})
        return work
      },
    }
  },
})

const bad = defineDriver({
  name: 'bad',
  title: 'Bad',
  role: 'device',
  uri: null,
  settings: z.object({ how: z.string(), afterMs: z.number().default(50) }),
  methods: { misbehave: { title: 'Misbehave', changesDevice: true, params: z.object({ how: z.string() }) } },
  create(context) {
    const { how, afterMs } = context.settings
    if (how === 'create') throw new Error('thrown in create')
    return {
      async connect() {
        if (how === 'connect') throw new Error('thrown in connect')
        const misdeed = misdeeds[how]
        if (misdeed) setTimeout(misdeed, afterMs)
      },
      async disconnect() {
        if (how === 'disconnect') throw new Error('thrown in disconnect')
        if (how === 'hang') await new Promise(() => {})
      },
      async execute(_method, params: { how: string }) {
        if (params.how === 'method') throw new Error('thrown in a method')
        misdeeds[params.how]?.()
        return null
      },
    }
  },
})

/** Copies `starts` of the module it follows, and calls it. */
const follower = defineDriver({
  name: 'follower',
  title: 'Follower',
  role: 'logic',
  uri: null,
  settings: z.object({ target: z.string() }),
  methods: { pass: { title: 'Pass on', changesDevice: true, params: z.object({ text: z.string() }) } },
  create(context) {
    const { target } = context.settings
    context.setStatus('createdAt', performance.now())
    context.peers.watch(target, (view) => {
      context.setStatus('seen', view.status)
      context.setStatus('seenState', view.state)
    })
    return {
      connect: async () => {},
      disconnect: async () => context.debug('info', 'disconnected'),
      execute: (_method, params: { text: string }, turn) => context.peers.execute(target, 'echo', params, turn),
    }
  },
})

export const drivers: readonly Driver[] = [quiet, writer, bad, follower]
