export * from './instrument.js';
export * from './order.js';
export * from './book.js';
