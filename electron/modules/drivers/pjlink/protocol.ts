import { createHash } from 'node:crypto'
import { HoldfastError } from '../../../../shared/model/failures'
import { lines, type Framing } from '../exchange'

/** PJLink class 1 (JBMIA, "PJLink Specifications" 1.04): what the lines mean. */
const lineEnd = '\r'
/** 136 by the specification; projectors with long names exceed it. */
const lineBytesMax = 256

export const powerStates = { '0': 'off', '1': 'on', '2': 'cooling', '3': 'warming' } as const
const inputKinds = { '1': 'rgb', '2': 'video', '3': 'digital', '4': 'storage', '5': 'network' } as const
const errorParts = ['fan', 'lamp', 'temperature', 'cover', 'filter', 'other'] as const

export const inputNames = Object.entries(inputKinds).flatMap(([digit, kind]) =>
  Array.from({ length: 9 }, (_, at) => ({ name: `${kind}${at + 1}`, code: `${digit}${at + 1}` })),
)

export type Mute = 'none' | 'video' | 'audio' | 'both'
const muteStates: Readonly<Record<string, Mute>> = { '11': 'video', '21': 'audio', '30': 'none', '31': 'both' }

/** The greeting: null when no authentication is asked for, else the salt. */
export function saltOf(greeting: string): string | null {
  if (greeting === 'PJLINK 0') return null
  const salt = /^PJLINK 1 ([0-9a-fA-F]{8})$/.exec(greeting)?.[1]
  if (salt !== undefined) return salt
  if (greeting === refusedPassword) throw authenticationRefused()
  throw notPjlink(greeting)
}

export const digestOf = (salt: string, password: string) =>
  createHash('md5')
    .update(salt + password)
    .digest('hex')

export const commandLine = (command: string, argument: string) => `%1${command} ${argument}${lineEnd}`

const refusedPassword = 'PJLINK ERRA'

/** Whole lines; anything that is no PJLink line ends the connection, because nothing after it can be trusted. */
export function pjlinkLines(): Framing<string> {
  const split = lines(lineEnd, 'utf8', lineBytesMax)
  return (bytes) => {
    const found = split(bytes).map((line) => line.replace(/^\n/, ''))
    const foreign = found.find((line) => !/^(PJLINK |%\d[A-Z0-9]{4}=)/i.test(line))
    if (foreign !== undefined) throw notPjlink(foreign)
    return found
  }
}

/** True for the answer to `command`, and for the refusal that ends every conversation. */
export function answers(command: string, line: string): boolean {
  return line.toUpperCase().startsWith(`%1${command}=`) || line === refusedPassword
}

const refusals: Readonly<Record<string, { text: string; hint: string }>> = {
  ERR1: { text: 'does not know this command', hint: 'The projector may not support it.' },
  ERR2: { text: 'does not accept this value', hint: 'Choose one of the inputs that it reports.' },
  ERR3: {
    text: 'cannot do that now',
    hint: 'It is off, warming up or cooling down: try again when its power state has settled.',
  },
  ERR4: { text: 'reports a failure of its own', hint: 'Look at the projector.' },
}

/** What stands after `=`; an error answer as a refusal with the specification's meaning. */
export function valueOf(command: string, line: string): string {
  if (line === refusedPassword) throw authenticationRefused()
  const match = /^%1([A-Z0-9]{4})=(.*)$/is.exec(line)
  if (match?.[1]?.toUpperCase() !== command) throw notPjlink(line)
  const value = match[2] ?? ''
  const refusal = refusals[value.toUpperCase()]
  if (refusal) {
    const details = { command, answer: value.toUpperCase() }
    throw new HoldfastError('refused', `the projector ${refusal.text} (${command}: ${value})`, {
      hint: refusal.hint,
      details,
    })
  }
  return value
}

/** True when the projector understood but cannot say now, as for its input while it is off. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof HoldfastError)) return false
  const { details } = error
  return (
    typeof details === 'object' &&
    details !== null &&
    'answer' in details &&
    (details.answer === 'ERR3' || details.answer === 'ERR1')
  )
}

export function powerOf(value: string): (typeof powerStates)[keyof typeof powerStates] {
  return powerStates[value as keyof typeof powerStates] ?? unexpected('power', value)
}

export function inputOf(value: string): string {
  return inputNames.find(({ code }) => code === value)?.name ?? unexpected('input', value)
}

export function muteOf(value: string): Mute {
  return muteStates[value] ?? unexpected('mute', value)
}

/** Six digits, one per part: 0 fine, 1 warning, 2 error. Only what is not fine is returned, e.g. `['lamp warning']`. */
export function errorsOf(value: string): string[] {
  if (!/^[012]{6}$/.test(value)) return unexpected('errors', value)
  return errorParts.flatMap((part, at) =>
    value[at] === '0' ? [] : [`${part} ${value[at] === '1' ? 'warning' : 'error'}`],
  )
}

/** Pairs of hours and on/off, one per lamp: the hours of the lamp that has burnt longest. */
export function lampHoursOf(value: string): number {
  if (!/^\d{1,6} [01]( \d{1,6} [01]){0,7}$/.test(value)) return unexpected('lamp hours', value)
  return Math.max(
    ...value
      .split(' ')
      .filter((_, at) => at % 2 === 0)
      .map(Number),
  )
}

function unexpected(what: string, value: string): never {
  throw new HoldfastError('refused', `the projector answered ${JSON.stringify(value.slice(0, 40))} for its ${what}`)
}

function notPjlink(line: string): HoldfastError {
  return new HoldfastError('refused', `the device does not speak PJLink: ${JSON.stringify(line.slice(0, 60))}`, {
    hint: 'Check address and port of the projector.',
  })
}

function authenticationRefused(): HoldfastError {
  return new HoldfastError('unauthenticated', 'the projector refused the password', {
    hint: 'Check settings.password.',
  })
}
