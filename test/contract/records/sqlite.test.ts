import path from 'node:path'
import { openRecords } from '../../../electron/records/sqlite'
import { recordsContract } from './records-contract'

recordsContract('SQLite', (folder, options) => openRecords(path.join(folder, 'control.db'), options))
