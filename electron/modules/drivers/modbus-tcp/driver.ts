import type { Socket } from 'node:net'
import type { ModbusTCPClient } from 'jsmodbus'
import { z } from 'zod'
import { HoldfastError } from '../../../../shared/model/failures'
import {
  defineDriver,
  type DriverContext,
  type DriverInstance,
  type DriverMethod,
  type Json,
  type Link,
  type Turn,
} from '../../contract'
import { pollOnwards, questionsMax, unknownOutcome } from '../exchange'
import {
  decode,
  encode,
  isBit,
  readBlocks,
  register,
  registerProblem,
  typeOf,
  widthOf,
  writeRange,
  type ReadBlock,
  type Register,
} from './registers'

const settings = z
  .strictObject({
    unitId: z.int().min(0).max(255).default(1),
    timeoutMs: z.int().min(100).max(30_000).default(3_000),
    registers: z.array(register).min(1).max(500),
  })
  .superRefine(({ registers }, problems) => {
    const names = new Set<string>()
    registers.forEach((one, at) => {
      const problem = registerProblem(one)
      if (problem)
        problems.addIssue({
          code: 'custom',
          path: ['registers', at, problem.field],
          message: problem.allowed,
          input: one[problem.field],
        })
      if (names.has(one.name))
        problems.addIssue({
          code: 'custom',
          path: ['registers', at, 'name'],
          message: 'a name of its own',
          input: one.name,
        })
      names.add(one.name)
    })
  })
type Settings = z.output<typeof settings>

/** A frame is 260 bytes at most; more without an answer is not Modbus. */
const strayBytesMax = 4_096

const registersOf = (chosen: Settings): Register[] => chosen.registers.map((one) => ({ ...one, type: typeOf(one) }))

/** One alternative per writable register, so that a value outside its range is refused with the range before the driver sees it. */
function writeMethod(chosen: Settings): DriverMethod | null {
  const alternatives = registersOf(chosen)
    .filter(({ writable }) => writable)
    .map((one) => {
      const [least, greatest] = writeRange(one)
      const value = one.type === 'bool' ? z.boolean() : z.number().min(least).max(greatest)
      return z.strictObject({ name: z.literal(one.name), value })
    })
  const [first, ...others] = alternatives
  if (!first) return null
  return { title: 'Write a register', changesDevice: true, params: z.discriminatedUnion('name', [first, ...others]) }
}

class ModbusDevice implements DriverInstance {
  readonly #context: DriverContext<Settings>
  readonly #registers: readonly Register[]
  #client: ModbusTCPClient | null = null
  #socket: Socket | null = null
  /** The last request in line; each waits for the one before it. */
  #line: Promise<unknown> = Promise.resolve()
  #waiting = 0
  /** Received since the last answer. */
  #strayBytes = 0

  constructor(context: DriverContext<Settings>) {
    this.#context = context
    this.#registers = registersOf(context.settings)
  }

  async connect(link: Link): Promise<void> {
    const { uri, settings } = this.#context
    // Only where a device is driven: the controller knows its drivers by their schemas, and carries no protocol.
    const { ModbusTCPClient } = await import('jsmodbus')
    const socket = await link.tcp({ host: uri?.host ?? '', port: uri?.port ?? 0, timeoutMs: settings.timeoutMs })
    this.#socket = socket
    socket.on('data', (bytes) => {
      this.#strayBytes += bytes.length
      if (this.#strayBytes > strayBytesMax) socket.destroy(new Error('it sends what is not Modbus'))
    })
    // The end of an earlier socket must not end a later connection.
    const over = (text: string) =>
      setImmediate(() => this.#socket === socket && this.#context.lost(new HoldfastError('unreachable', text)))
    socket.on('error', (error) => over(`the connection broke: ${error.message}`))
    socket.on('close', () => over('the device closed the connection'))
    this.#client = new ModbusTCPClient(socket, settings.unitId, settings.timeoutMs)
    // The library takes its socket as offline until it sees this event, which this socket has behind it.
    socket.emit('connect')
    const byInterval = Map.groupBy(this.#registers, ({ pollMs }) => pollMs)
    const blocks = [...byInterval].map(([everyMs, registers]) => ({ everyMs, blocks: readBlocks(registers) }))
    for (const group of blocks) for (const block of group.blocks) await this.#read(link, block)
    for (const group of blocks) {
      pollOnwards(link, group.everyMs, async (turn) => {
        for (const block of group.blocks) await this.#read(turn, block)
      })
    }
  }

  async disconnect(): Promise<void> {
    this.#client = null
    this.#socket?.destroy()
    this.#socket = null
  }

  async execute(method: string, params: never, turn: Turn): Promise<Json> {
    if (method === 'query') {
      for (const block of readBlocks(this.#registers)) await this.#read(turn, block)
      return Object.fromEntries(this.#registers.map(({ name }) => [name, this.#context.status(name) ?? null]))
    }
    const { name, value } = params as { name: string; value: number | boolean }
    const chosen = this.#registers.find((one) => one.name === name && one.writable)
    if (!chosen) throw new HoldfastError('invalid', `${name} cannot be written`)
    const words = encode(chosen, value)
    await this.#request(turn, true, `write ${name} = ${value}`, async (client): Promise<void> => {
      if (chosen.kind === 'coil') await client.writeSingleCoil(chosen.address, words[0] === 1)
      else if (words.length === 1) await client.writeSingleRegister(chosen.address, words[0] ?? 0)
      else await client.writeMultipleRegisters(chosen.address, words)
    })
    const block = { kind: chosen.kind, start: chosen.address, count: widthOf(chosen.type), registers: [chosen] }
    // The device confirmed the write: what happens to the reading after it says nothing about the write.
    await this.#read(turn, block).catch((error: unknown) => this.#context.lost(error))
    return { name, value: this.#context.status(name) ?? null }
  }

  async #read(turn: Turn, { kind, start, count, registers }: ReadBlock): Promise<void> {
    // Asynchronous functions send in the tick they are called in, as the gate demands.
    const values = await this.#request(
      turn,
      false,
      `read ${kind} ${start}+${count}`,
      async (client): Promise<ArrayLike<number | boolean>> => {
        switch (kind) {
          case 'coil':
            return (await client.readCoils(start, count)).response.body.valuesAsArray
          case 'discrete':
            return (await client.readDiscreteInputs(start, count)).response.body.valuesAsArray
          case 'holding':
            return (await client.readHoldingRegisters(start, count)).response.body.valuesAsArray
          case 'input':
            return (await client.readInputRegisters(start, count)).response.body.valuesAsArray
        }
      },
    )
    // Bits come in whole bytes, so that more of them than asked for is normal.
    if (isBit(kind) ? values.length < count : values.length !== count) {
      throw new HoldfastError('refused', `the device answered ${values.length} values where ${count} were asked for`)
    }
    const raw = Array.from(values, Number)
    for (const one of registers) {
      const at = one.address - start
      this.#context.setStatus(one.name, decode(one, raw.slice(at, at + widthOf(one.type))))
    }
  }

  /**
   * One request at a time, because many devices answer only one. The library has a queue of its own, but what waits in it would have asked the
   * gate long before it is sent.
   */
  async #request<T>(
    turn: Turn,
    changesDevice: boolean,
    what: string,
    send: (client: ModbusTCPClient) => Promise<T>,
  ): Promise<T> {
    if (this.#waiting >= questionsMax)
      throw new HoldfastError('busy', `${questionsMax} requests wait for this device`, { retryAfterMs: 1_000 })
    this.#waiting += 1
    const before = this.#line
    const turnOver = Promise.withResolvers<void>()
    this.#line = turnOver.promise
    try {
      await before
      const client = this.#client
      if (!client) throw new HoldfastError('unreachable', 'the device is not connected')
      // Out of the catch below on purpose: what the gate refuses was not sent.
      const answer = turn.gate.write(() => send(client))
      return await answer.catch((error: unknown) => this.#explain(error, changesDevice, what))
    } finally {
      this.#strayBytes = 0
      this.#waiting -= 1
      turnOver.resolve()
    }
  }

  /** The library rejects with plain objects `{err, message, response}`. */
  #explain(error: unknown, changesDevice: boolean, what: string): never {
    const { err, message } = error as { err?: string; message?: string }
    this.#context.debug('warn', `${what}: ${message ?? String(error)}`)
    if (err === 'ModbusException') {
      throw new HoldfastError('refused', `the device refused to ${what}: ${message}`, {
        hint: 'Check address, kind and type of the register.',
      })
    }
    const text =
      err === 'Timeout'
        ? `the device did not answer within ${this.#context.settings.timeoutMs} ms`
        : err === 'Offline'
          ? 'the device closed the connection'
          : `the device does not speak Modbus: ${message ?? String(error)}`
    const failure = new HoldfastError(
      err === 'Timeout' ? 'timeout' : err === 'Offline' ? 'unreachable' : 'refused',
      text,
    )
    // A late answer could not be told from the next one: this connection is over.
    // Told later, so that the caller gets this reason and not that the connection has ended.
    const socket = this.#socket
    setImmediate(() => {
      if (this.#socket === socket) this.#context.lost(failure)
    })
    throw changesDevice ? unknownOutcome(failure) : failure
  }
}

export const modbusTcp = defineDriver({
  name: 'modbus-tcp',
  title: 'Modbus/TCP device',
  role: 'device',
  uri: { schemes: ['modbus', 'tcp'], defaultPort: 502, example: 'modbus://10.0.0.7:502' },
  settings,
  methods: { query: { title: 'Read every register now', changesDevice: false, params: z.strictObject({}) } },
  methodsOf(chosen) {
    const write = writeMethod(chosen)
    return write ? { write } : {}
  },
  create: (context) => new ModbusDevice(context),
})
