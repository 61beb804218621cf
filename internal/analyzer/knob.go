// From a setting to the option of an analyzer that it is.

package analyzer

// Knob is a setting, and how it gets into options of type O.
type Knob[O any] struct {
	Setting
	Set func(o *O, v float64)
}

// Settings are the settings of the knobs.
func Settings[O any](knobs []Knob[O]) []Setting {
	all := make([]Setting, len(knobs))
	for i, k := range knobs {
		all[i] = k.Setting
	}
	return all
}

// Turn returns the options with the values in them, which go by Setting.Key.
func Turn[O any](o O, knobs []Knob[O], values map[string]float64) O {
	for _, k := range knobs {
		if v, ok := values[k.Key]; ok {
			k.Set(&o, v)
		}
	}
	return o
}
