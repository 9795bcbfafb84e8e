# Ruling 20 of the template language.
Feature: What a catch sees

  Scenario: The handler begins with the try's transformed input and knows the error
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r20, version: 1.0.0 }
      do:
        - tried:
            input: { from: .data }
            try:
              - change: { set: { changed: true } }
              - broken: { raise: { error: { type: https://example.com/broken, status: 418, title: Broken, detail: in two } } }
            catch: { as: problem, do: [ { look: { set: { data: '${ . }', error: '${ $problem }' } } } ] }
      """
    And given the workflow input is:
      """yaml
      { data: { a: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { data: { a: 1 }, error: { type: https://example.com/broken, status: 418, title: Broken, detail: in two, details: in two, instance: /do/0/tried/try/1/broken } }
      """

  Scenario: Caught with neither retry nor handler, the output is the input
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r20, version: 1.0.0 }
      do:
        - tried: { try: [ { broken: { raise: { error: { type: https://example.com/broken, status: 418 } } } } ], catch: { errors: { with: { status: 418 } } } }
      """
    And given the workflow input is:
      """yaml
      { a: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { a: 1 }
      """

  Scenario: An error of the handler goes up
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r20, version: 1.0.0 }
      do:
        - tried:
            try: [ { broken: { raise: { error: { type: https://example.com/broken, status: 418 } } } } ]
            catch: { do: [ { worse: { raise: { error: { type: https://example.com/worse, status: 500 } } } } ] }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { type: https://example.com/worse, status: 500, instance: /do/0/tried/catch/do/0/worse }
      """

  Scenario: Both spellings of detail filter
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r20, version: 1.0.0 }
      do:
        - tried: { try: [ { broken: { raise: { error: { type: https://example.com/broken, status: 418, detail: in two } } } } ], catch: { errors: { with: { details: in two } }, do: [ { handle: { set: { handled: true } } } ] } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { handled: true }
      """
