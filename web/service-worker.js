const FILES = {};
