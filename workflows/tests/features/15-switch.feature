# Ruling 15 of the template language.
Feature: A switch takes the first case that holds

  Scenario: In the order of the document
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r15, version: 1.0.0 }
      do:
        - pick: { switch: [ first: { when: .n > 1, then: a }, second: { when: .n > 2, then: b } ] }
        - b: { set: { picked: b }, then: end }
        - a: { set: { picked: a } }
      """
    And given the workflow input is:
      """yaml
      { n: 3 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { picked: a }
      """

  Scenario: The case without a condition is tried last wherever it stands
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r15, version: 1.0.0 }
      do:
        - pick: { switch: [ rest: { then: b }, first: { when: .n > 1, then: a } ] }
        - b: { set: { picked: b }, then: end }
        - a: { set: { picked: a } }
      """
    And given the workflow input is:
      """yaml
      { n: 3 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { picked: a }
      """

  Scenario: Two of them are refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r15, version: 1.0.0 }
      do:
        - pick: { switch: [ one: { then: end }, other: { then: exit } ] }
      """
    Then the workflow should be refused with 'flow.two_defaults'

  Scenario: When none holds, the task's own directive counts, and the output is the input
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r15, version: 1.0.0 }
      do:
        - pick: { switch: [ one: { when: .n > 5, then: exit } ], then: b }
        - a: { set: { picked: a }, then: end }
        - b: { set: { before: '${ . }' } }
      """
    And given the workflow input is:
      """yaml
      { n: 3 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { before: { n: 3 } }
      """
