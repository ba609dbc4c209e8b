import { computed, shallowRef } from 'vue'
import { documentParts, trialParts } from '../../../shared/console/document-parts'
import { MESSAGE_ITEMS_BYTES_MAX } from '../../../shared/console/parts'
import type { Failure } from '../../../shared/model/failures'
import type { Bridge } from '../../bridge'
import { applyParts, type Stopped } from './apply-parts'
import { changesInFile, type PutChange, type Differences, type FileFault } from './documents'

/** As long as `holdfast apply` takes. */
export const FILE_BYTES_MAX = 15 * 1024 * 1024

/** A file of documents on its way to the controller: read, tried, stored in as few steps as it takes, each whole or not at all. */
export function useImport(bridge: Pick<Bridge, 'call'>) {
  const fileName = shallowRef('')
  const changes = shallowRef<readonly PutChange[]>([])
  const faults = shallowRef<readonly FileFault[]>([])
  const isTooLong = shallowRef(false)
  /** What storing would do; null: not known, or nothing can be stored. */
  const differences = shallowRef<Differences | null>(null)
  const failure = shallowRef<Failure | null>(null)
  const stopped = shallowRef<Stopped | null>(null)
  const work = shallowRef<'reading' | 'trying' | 'storing' | null>(null)
  const progress = shallowRef({ done: 0, total: 0 })
  const parts = computed(() => documentParts(changes.value, MESSAGE_ITEMS_BYTES_MAX))
  /** Another file than the one that is being read or tried was chosen, or none any more. */
  let round = 0

  function forget(): void {
    round += 1
    fileName.value = ''
    changes.value = []
    faults.value = []
    isTooLong.value = false
    differences.value = null
    failure.value = null
    stopped.value = null
    work.value = null
  }

  async function read(file: Pick<File, 'name' | 'size' | 'text'>): Promise<void> {
    forget()
    const mine = round
    fileName.value = file.name
    if (file.size > FILE_BYTES_MAX) {
      isTooLong.value = true
      return
    }
    work.value = 'reading'
    const found = await changesInFile(await file.text())
    if (mine !== round) return
    changes.value = found.changes
    faults.value = found.faults
    work.value = null
    if (found.faults.length === 0 && found.changes.length > 0) await attempt()
  }

  /** What came of it stands in `differences` or `failure`. */
  async function attempt(): Promise<void> {
    const mine = round
    work.value = 'trying'
    differences.value = null
    failure.value = null
    const tried = trialParts(changes.value, MESSAGE_ITEMS_BYTES_MAX)
    progress.value = { done: 0, total: tried.reduce((sum, { length }) => sum + length, 0) }
    const outcome = await applyParts(bridge, tried, {
      dryRun: true,
      onDone: (done) => (progress.value = { ...progress.value, done }),
      isOver: () => mine !== round,
    })
    if (mine !== round) return
    work.value = null
    failure.value = outcome.failure
    // What several name was tried with each of them.
    const found = new Map(outcome.differences.map((one) => [`${one.kind} ${one.id}`, one]))
    const inFile = changes.value.flatMap(({ kind, body }) => found.get(`${kind} ${body['id'] as string}`) ?? [])
    differences.value = outcome.failure === null ? inFile : null
  }

  /** How many documents are stored, and whether that is all: if not, the rest is tried again, so that what is left to do is told. */
  async function store(): Promise<{ done: number; isWhole: boolean }> {
    const total = changes.value.length
    stopped.value = null
    work.value = 'storing'
    progress.value = { done: 0, total }
    const outcome = await applyParts(bridge, parts.value, {
      onDone: (done) => (progress.value = { done, total }),
    })
    work.value = null
    const { done } = outcome
    if (outcome.failure === null) return { done, isWhole: true }
    if (parts.value.length > 1) {
      stopped.value = { done, total, failure: outcome.failure }
      await attempt()
    } else failure.value = outcome.failure
    return { done, isWhole: false }
  }

  return {
    ...{ fileName, changes, faults, isTooLong, differences, failure, stopped, work, progress, parts },
    ...{ forget, read, attempt, store },
  }
}
