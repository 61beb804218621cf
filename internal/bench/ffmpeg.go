package main

func (b *bench) capture() error { return nil }
func (b *bench) encode() error  { return nil }
