import { access, constants, mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import type { Command } from 'commander'
import { CONSOLE_PORT, LINK_PORT } from '../../shared/model/defaults'
import { HoldfastError } from '../../shared/model/failures'
import { NotReachable } from '../console/client'
import type { Cli, Context } from './command'
import { exitCodes } from './failure'
import { table } from './output'

/** One check. `fix`: what to do; empty when there is nothing to do. */
interface Check {
  readonly id: string
  readonly result: 'pass' | 'warn' | 'fail'
  readonly text: string
  readonly fix: string
}
const NODE_MAJOR_MIN = 24

export function addDoctor(cli: Cli, program: Command): void {
  cli.add(program, 'doctor', 'check this machine and the controller on it', async (context) => {
    const controller = await checkController(context)
    // A running controller holds its own ports.
    const ports =
      controller.id === 'controller' && controller.result === 'warn'
        ? await Promise.all([checkPort('console', CONSOLE_PORT), checkPort('link', LINK_PORT)])
        : []
    const checks = [checkVersion(context), await checkDataDir(context.dataDir), controller, ...ports]
    context.print(checks, () => {
      const colours = { pass: 'green', warn: 'yellow', fail: 'red' } as const
      return table(
        ['CHECK', 'RESULT', 'WHAT', 'FIX'],
        checks.map(({ id, result, text, fix }) => [id, context.paint(colours[result], result), text, fix]),
        context.paint,
      )
    })
    return checks.some(({ result }) => result === 'fail') ? exitCodes.failed : exitCodes.done
  })
}

function checkVersion({ version }: Context): Check {
  const isNew = Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN
  const text = `Holdfast ${version}, Node ${process.versions.node}, ${process.platform}-${process.arch}`
  return {
    id: 'versions',
    result: isNew ? 'pass' : 'fail',
    text,
    fix: isNew ? '' : `Install Node ${NODE_MAJOR_MIN} or newer.`,
  }
}

async function checkDataDir(dataDir: string): Promise<Check> {
  const id = 'data-directory'
  try {
    const there = await stat(dataDir).catch((error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? null : Promise.reject(error),
    )
    if (!there) {
      await access(path.dirname(dataDir), constants.W_OK).catch(() => {})
      return { id, result: 'warn', text: `${dataDir} does not exist yet.`, fix: 'The first start makes it.' }
    }
    if (!there.isDirectory())
      return { id, result: 'fail', text: `${dataDir} is not a directory.`, fix: 'Choose another: --data DIR' }
    // Permissions, read-only mounts and full disks show only when something is written.
    const probe = await mkdtemp(path.join(dataDir, '.doctor-'))
    await rm(probe, { recursive: true })
    const isOpen = process.platform !== 'win32' && (there.mode & 0o077) !== 0
    if (isOpen) return { id, result: 'warn', text: `${dataDir} is open to other users.`, fix: `chmod 700 ${dataDir}` }
    return { id, result: 'pass', text: `${dataDir} is writable.`, fix: '' }
  } catch (error) {
    return {
      id,
      result: 'fail',
      text: `${dataDir} is not writable: ${(error as Error).message}`,
      fix: 'Check its owner, its permissions and the free space.',
    }
  }
}

async function checkController(context: Context): Promise<Check> {
  const id = 'controller'
  try {
    const status = await context.withConsole((client) => client.call('status.get', {}))
    const versions =
      status.version === context.version ? '' : ` It is ${status.version}, this command is ${context.version}.`
    const isFine = versions === '' && status.needs.length === 0
    const needs = status.needs.map(({ text }) => ` ${text}`).join('')
    return {
      id,
      result: isFine ? 'pass' : 'warn',
      text: `${status.name} (${status.role}) answers, link ${status.link.state}.${versions}${needs}`,
      fix: versions === '' ? '' : 'Restart the controller.',
    }
  } catch (error) {
    if (error instanceof NotReachable) return { id, result: 'warn', text: error.message, fix: error.hint ?? '' }
    if (error instanceof HoldfastError) return { id, result: 'fail', text: error.message, fix: error.hint ?? '' }
    throw error
  }
}

async function checkPort(name: string, port: number): Promise<Check> {
  const id = `port-${name}`
  return await new Promise<Check>((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve({
        id,
        result: 'warn',
        text: `Port ${port} (${name}) cannot be used: ${error.code ?? error.message}`,
        fix: `Start with --${name}-port N, or 0 for a free one.`,
      })
    })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => resolve({ id, result: 'pass', text: `Port ${port} (${name}) is free.`, fix: '' }))
    })
  })
}
