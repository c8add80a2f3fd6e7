export { MigrationTask, type MigrationTaskProps } from './migration-task';
