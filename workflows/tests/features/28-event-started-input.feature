# Ruling 28 of the template language.
Feature: A job that events start has the list of them as its input

  Scenario: Without read the items are envelopes
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r28, version: 1.0.0 }
      schedule: { on: { one: { with: { type: order.paid.v1 } } } }
      do:
        - keep: { set: { many: '${ length }', type: '${ .[0].type }', subject: '${ .[0].subject }', n: '${ .[0].data.n }' } }
      """
    When the event is received:
      """yaml
      { type: order.paid.v1, subject: o1, data: { n: 1 } }
      """
    Then the workflow should complete with output:
      """yaml
      { many: 1, type: order.paid.v1, subject: o1, n: 1 }
      """

  Scenario: read says that the items are data
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r28, version: 1.0.0 }
      schedule: { on: { one: { with: { type: order.paid.v1 } } }, read: data }
      do:
        - keep: { set: { got: '${ . }' } }
      """
    When the event is received:
      """yaml
      { type: order.paid.v1, data: { n: 1 } }
      """
    Then the workflow should complete with output:
      """yaml
      { got: [ { n: 1 } ] }
      """

  Scenario: read says that the items are envelopes
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r28, version: 1.0.0 }
      schedule: { on: { one: { with: { type: order.paid.v1 } } }, read: envelope }
      do:
        - keep: { set: { got: '${ .[0].data }' } }
      """
    When the event is received:
      """yaml
      { type: order.paid.v1, data: { n: 1 } }
      """
    Then the workflow should complete with output:
      """yaml
      { got: { n: 1 } }
      """

  Scenario: An event of another kind begins nothing
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r28, version: 1.0.0 }
      schedule: { on: { one: { with: { type: order.paid.v1 } } } }
      do:
        - keep: { set: { got: '${ .[0].data }' } }
      """
    When the event is received:
      """yaml
      { type: order.seen.v1, data: { n: 1 } }
      """
    Then the workflow should be waiting
    When the event is received:
      """yaml
      { type: order.paid.v1, data: { n: 2 } }
      """
    Then the workflow should complete with output:
      """yaml
      { got: { n: 2 } }
      """

  Scenario: All waits for one of each about the same order, in either order, through a restart
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r28, version: 1.0.0 }
      schedule:
        on:
          all:
            - with: { type: order.paid.v1 }
              correlate: { order: { from: .data.order } }
            - with: { type: order.packed.v1 }
              correlate: { order: { from: .data.order } }
      do:
        - keep: { set: { types: '${ map(.type) }', order: '${ .[0].data.order }' } }
      """
    When the event is received:
      """yaml
      { type: order.packed.v1, data: { order: 1 } }
      """
    And the event is received:
      """yaml
      { type: order.packed.v1, data: { order: 2 } }
      """
    And the engine restarts
    Then the workflow should be waiting
    When the clock advances by PT1H
    And the event is received:
      """yaml
      { type: order.paid.v1, data: { order: 2 } }
      """
    Then the workflow should complete with output:
      """yaml
      { types: [ order.paid.v1, order.packed.v1 ], order: 2 }
      """

  Scenario: The input is what the workflow transforms, and $workflow.input is raw
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r28, version: 1.0.0 }
      schedule: { on: { any: [ { with: { type: a.v1 } }, { with: { type: b.v1 } } ] }, read: data }
      input: { from: '{ first: .[0] }' }
      do:
        - keep: { set: { first: '${ .first }', raw: '${ $workflow.input }' } }
      """
    When the event is received:
      """yaml
      { type: b.v1, data: b }
      """
    Then the workflow should complete with output:
      """yaml
      { first: b, raw: [ b ] }
      """
